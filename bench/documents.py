"""How long a document takes to be looked at, sealed and read, without any server."""

import io
import os
import time
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bench.figures import Findings, median
from gateways.document_reader import DocumentReader
from models.sealing import KeyRing
from services.documents_comparing import compare
from services.documents_intake import JPEG, PDF, PNG, examine
from tools.machine import chinese_font

NAME = "documents"
ROUNDS = 5
LIMIT_SECONDS = 5
"""What reading a scanned letter of one page may take."""
FORM = {"name": "欧阳测试", "id_number": "110000199005170120", "monthly_income": 1_000_000}
LINES = (
    "收入证明",
    "",
    "兹证明 欧阳测试，身份证号码 110000199005170120，",
    "系我单位正式员工，现任软件工程师职务，自2020年3月1日起",
    "在我单位工作至今。近一年内该员工平均月收入（税后）为",
    "人民币 10,000.00 元。该员工与本单位签有劳动合同，",
    "合同期限至2028年2月29日，社会保险及住房公积金按时缴纳。",
    "本单位承诺上述内容真实有效，仅用于办理贷款事宜，",
    "如有不实，愿承担相应的法律责任。",
    "特此证明。",
    "",
    "单位地址：云川市示例区远帆路12号",
    "联系人：王示例    联系电话：010-00000000",
    "远帆汽车销售服务有限公司",
    "2026年1月3日",
)


def measure() -> Findings:
    """A letter at 150 and at 300 dots an inch, as PNG, as JPEG, and as a PDF of a scanner."""
    findings = Findings(NAME)
    reader = DocumentReader()
    reader.require()
    for inch in (150, 300):
        page = _letter(inch)
        for media_type in (PNG, JPEG, PDF):
            content = _file(page, media_type)
            name = f"{media_type.rpartition('/')[2]} at {inch} dpi"
            looked, read = [], []
            agreed = 0
            for _ in range(ROUNDS):
                began = time.perf_counter()
                examine(content)
                looked.append((time.perf_counter() - began) * 1000)
                began = time.perf_counter()
                reading = reader.read(content, media_type)
                read.append(time.perf_counter() - began)
                agreed += compare("income_proof", reading, FORM, {}).verdict.value == "agrees"
            findings.add(f"{name}: looked at before it is taken, median", median(looked), "ms")
            findings.add(f"{name}: read, median", median(read), "s", at_most=LIMIT_SECONDS)
            findings.details[name] = {"bytes": len(content), "slowest_s": max(read), "agreed": agreed, "of": ROUNDS}
    _seal(findings)
    return findings


def _seal(findings: Findings) -> None:
    """What sealing costs an issued paper, and the largest document."""
    ring = KeyRing({"bench": os.urandom(32)})
    for kilobytes, rounds in ((50, 400), (5 * 1024, 10)):
        content = os.urandom(kilobytes * 1024)
        began = time.perf_counter()
        for n in range(rounds):
            ring.seal(content, f"document {n}")
        findings.add(f"{kilobytes} KiB: sealed", (time.perf_counter() - began) / rounds * 1000, "ms")


def _letter(inch: int) -> Image.Image:
    """A4 with letters of about twelve points."""
    page = Image.new("L", (inch * 827 // 100, inch * 1169 // 100), 255)
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(Path(chinese_font()), inch * 12 // 72)
    for n, line in enumerate(LINES):
        pen.text((inch * 8 // 10, inch + n * inch * 28 // 72), line, font=font, fill=0)
    return page


def _file(page: Image.Image, media_type: str) -> bytes:
    kept = io.BytesIO()
    page.save(kept, media_type.rpartition("/")[2], resolution=150)
    return kept.getvalue()
