"""Words the population is made of. Schools, dealers and makes of car are invented."""

from typing import NamedTuple


class Occupation(NamedTuple):
    """An occupation and the range of its monthly income in yuan."""

    name: str
    least: int
    most: int


class CarModel(NamedTuple):
    """A model of car: name, the five VIN characters that describe it, price new in yuan, electric or not."""

    name: str
    code: str
    price: int
    new_energy: bool


SURNAMES = (
    *("王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何", "林"),
    *("高", "罗", "郑", "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹", "彭", "曾", "肖", "田", "董", "潘"),
    *("袁", "蔡", "蒋", "余", "于", "杜", "叶", "程", "魏", "苏", "吕", "丁", "任", "卢", "姚", "沈", "欧阳", "司马"),
)
MALE_CHARACTERS = "伟强磊军勇杰涛超明刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林博文昊天泽轩子睿志远建国"
FEMALE_CHARACTERS = "芳娜敏静丽艳娟霞秀英玲燕婷雪梅莉晶欣洁琳颖慧佳怡萍红思雨梓涵诗语嘉宁悦瑶可心子萱"

OCCUPATIONS = (
    Occupation("教师", 6000, 12000),
    Occupation("护士", 6000, 11000),
    Occupation("医生", 10000, 26000),
    Occupation("软件工程师", 12000, 35000),
    Occupation("会计", 6000, 14000),
    Occupation("销售", 5000, 18000),
    Occupation("工厂技工", 5500, 11000),
    Occupation("外卖骑手", 5000, 9500),
    Occupation("网约车司机", 5000, 10000),
    Occupation("厨师", 5000, 11000),
    Occupation("公务员", 6000, 13000),
    Occupation("建筑工人", 5500, 11000),
    Occupation("超市店主", 5000, 22000),
    Occupation("餐馆店主", 6000, 28000),
    Occupation("快递员", 5000, 10000),
    Occupation("行政文员", 4500, 8500),
    Occupation("货车司机", 7000, 14000),
    Occupation("自由职业者", 3500, 16000),
)

SCHOOLS = (
    *("云川大学", "临江理工大学", "东屿师范大学", "青岭农业大学", "南泽财经大学", "北原医科大学", "西河交通大学"),
    *("白石科技学院", "清溪外国语学院", "海棠职业技术学院", "松湖职业学院", "金桥工程技术学院"),
)
CITIES = ("云川", "临江", "东屿", "青岭", "南泽", "北原", "西河", "白石", "清溪", "松湖")
DEALER_NAMES = ("远帆", "驰远", "盛行", "恒途", "瑞驰", "通达")
DEALER_SUFFIX = "汽车销售服务有限公司"

CAR_MODELS = (
    CarModel("远帆 晨曦 1.5L", "YFA15", 79_800, False),
    CarModel("远帆 晨曦 1.5T 豪华版", "YFA1T", 99_800, False),
    CarModel("远帆 山行 2.0T 四驱", "YFS20", 168_800, False),
    CarModel("驰远 E5 纯电 510", "CYE51", 129_800, True),
    CarModel("驰远 E7 纯电 650", "CYE76", 219_800, True),
    CarModel("驰远 小方 纯电 210", "CYM21", 45_800, True),
    CarModel("恒途 商旅 七座", "HTM70", 189_800, False),
    CarModel("恒途 混动 1200", "HTH12", 149_800, True),
)

CIRCUMSTANCES = (
    "low_income_certificate",
    "single_parent",
    "orphan",
    "disability",
    "serious_illness",
    "natural_disaster",
)
