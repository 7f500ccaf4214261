"""Made-up documents of the demonstration's people, drawn as an employer or an office would print them."""

from datetime import date
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from lending.money import yuan
from models.collateral import ConditionKind
from services.paper_signs import FONTS

A4_AT_150_DPI = (1240, 1754)
TELEPHONE = (1000, 640)
LETTER_SIZE = 34


def income_proof(name: str, id_number: str, monthly_income_fen: int, day: date) -> bytes:
    """An employer's letter of a day about an income, as the PNG of a scanner. Employer and stamp are made up."""
    return _page(
        "收入证明",
        f"兹证明 {name}，身份证号码 {id_number}，",
        "系我单位正式员工。",
        f"近一年内该员工平均月收入为人民币 {yuan(monthly_income_fen)} 元。",
        "特此证明。",
        "演示单位（虚构）",
        f"{day.year}年{day.month}月{day.day}日",
    )


def id_card(name: str, id_number: str) -> bytes:
    """A copy of a resident identity card without a face, as PNG. In longer lines its reader is surer of a name."""
    return _page(
        "居民身份证",
        f"姓名 {name}，公民身份号码 {id_number}，",
        "住址 云川市示例区远帆路12号，",
        "签发机关 云川市公安局（演示）",
    )


def vehicle_paper(kind: ConditionKind, name: str, vin: str, day: date) -> bytes:
    """The registration of a mortgage or an insurance policy, as the picture of a telephone."""
    title = "机动车保险单" if kind is ConditionKind.INSURANCE else "机动车登记证书"
    lines = (title, f"姓名  {name}", f"车辆识别代号  {vin}", f"{day.year}年{day.month}月{day.day}日", "演示（虚构）")
    return _page(*lines, size=TELEPHONE)


def _page(*lines: str, size: tuple[int, int] = A4_AT_150_DPI) -> bytes:
    page = Image.new("L", size, 255)
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(_font(), LETTER_SIZE)
    for n, line in enumerate(lines):
        pen.text((130, 150 + n * LETTER_SIZE * 2), line, font=font, fill=0)
    kept = BytesIO()
    page.save(kept, "PNG")
    return kept.getvalue()


def _font() -> Path:
    return FONTS / "NotoSansSC-Regular.ttf"
