"""What an application form takes, and what it says of the rest."""

import contextlib
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forms import (
    MOST_BRACKETS,
    UNREADABLE_NAME,
    InvalidForm,
    NotJson,
    Sentence,
    age_on,
    birth_date,
    read_form,
    read_json,
)
from simulators.people import population
from tests.modules.applications import CATALOGUE, DAY, application, id_number, product


def problems(code: str, **changes: object) -> dict[str, str]:
    """The sentences by field that an application with these changes is refused with; none if it is taken."""
    try:
        read_form(product(code), application(code, **changes), DAY)
    except InvalidForm as refusal:
        return refusal.fields
    return {}


@pytest.mark.parametrize("code", CATALOGUE.codes())
def test_a_good_application_is_read_into_plain_json(code: str) -> None:
    form = read_form(product(code), application(code), DAY)
    assert json.loads(json.dumps(form)) == form


def test_money_becomes_fen_and_digits_become_integers() -> None:
    form = read_form(product("micro"), application("micro", amount="12000.50", term="36", monthly_income=9000), DAY)
    assert (form["amount"], form["term"], form["monthly_income"]) == (1_200_050, 36, 900_000)


def test_empty_optional_fields_are_left_out_and_text_is_trimmed() -> None:
    form = read_form(
        product("micro"), application("micro", name="  张 三 ", occupation=" ", hobbies="", method=None), DAY
    )
    assert form["name"] == "张 三"
    assert not {"occupation", "hobbies", "method"} & form.keys()


@pytest.mark.parametrize(
    "term",
    [
        "36个月",
        "36.0",
        36.0,
        "３６",
        True,
        "",
        " ",
        None,
        "36 ",
        "+36",
        "3_6",
        "1e1",
        "٣٦",
        "0x24",
        [36],
        {"n": 36},
        37,
        0,
        -1,
        10**40,
        "9" * 5000,
    ],
)
def test_a_term_that_is_no_plain_number_within_bounds_is_refused_by_name(term: object) -> None:
    assert problems("micro", term=term).keys() == {"term"}


@pytest.mark.parametrize("changes", [{"term": 1}, {"term": "36"}, {"amount": 1000}, {"amount": "200000.00"}])
def test_the_bounds_themselves_are_taken(changes: dict[str, object]) -> None:
    assert problems("micro", **changes) == {}


def test_bounds_are_in_the_sentence_in_both_languages() -> None:
    with pytest.raises(InvalidForm) as refusal:
        read_form(product("micro"), application("micro", term="36个月", amount="200000.01"), DAY)
    assert (refusal.value.code, refusal.value.http_status) == ("invalid_application", 422)
    assert "from 1 to 36" in refusal.value.fields["term"]
    assert "from 1,000 to 200,000" in refusal.value.fields["amount"]
    assert "1至36" in refusal.value.fields_in("zh_CN")["term"]
    assert refusal.value.fields_in("en") == refusal.value.fields


@pytest.mark.parametrize(
    "amount",
    [
        "12000.001",
        12000.0,
        "12,000",
        "12000元",
        "¥12000",
        "-12000",
        -12000,
        True,
        "",
        "1e4",
        "１２０００",
        "999.99",
        "200000.01",
        10**30,
        "9" * 5000,
        ".5",
        "12000.",
    ],
)
def test_an_amount_that_is_no_plain_sum_within_bounds_is_refused_by_name(amount: object) -> None:
    assert problems("micro", amount=amount).keys() == {"amount"}


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("11010519491231002x", "capital X"),
        ("110105194912310021", "check character"),
        ("1101051949123100", "18 characters"),
        (" 11010519491231002X", "18 characters"),
        ("１１０１０５１９４９１２３１００２X", "18 characters"),
        (110105194912310020, "18 characters"),
        ("01010519491231002X", "18 characters"),
        (id_number(date(2026, 1, 6)), "birth date"),
        (id_number(date(1899, 12, 31)), "birth date"),
        ("110105199002300028", "birth date"),
    ],
)
def test_an_id_number_that_cannot_be_is_refused_with_the_reason(number: object, sentence: str) -> None:
    assert sentence in problems("micro", id_number=number)["id_number"]


def test_the_sample_number_of_the_standard_is_taken() -> None:
    assert problems("micro", id_number="11010519491231002X") == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mobile", "12900000001"),
        ("mobile", "1990000000"),
        ("mobile", "+8619900000001"),
        ("mobile", "１９９００００００００１"),
        ("mobile", 19900000001),
        ("bank_card", "699000000000001"),
        ("bank_card", "69900000000000012345"),
        ("bank_card", "6990 0000 0000 0001"),
        ("name", "张"),
        ("name", "张3"),
        ("name", "张<三"),
        ("name", "张" * 51),
        ("name", ".."),
        ("name", "--"),
        ("name", "- -"),
        ("name", "·'"),
        ("name", "\u0301\u0301"),
        ("name", 12),
        ("name", "\ud800张三"),
        ("hobbies", "a" * 201),
        ("hobbies", "chess\x00"),
        ("occupation", "\u202eteacher"),
        ("purpose", "gambling"),
        ("purpose", "Consumption"),
        ("method", ["bullet"]),
        ("monthly_income", "0"),
    ],
)
def test_a_faulty_value_is_refused_at_its_field(field: str, value: object) -> None:
    assert problems("micro", **{field: value}).keys() == {field}


@pytest.mark.parametrize(
    "name",
    [
        "李小·冬",
        "阿依古丽·买买提",
        "O'Brien",
        "Anne-Marie Dupont",
        "J. R. Smith",
        "㛃䶮",
        "\U00020164娃",
        "Zoë",
        "'t Hooft",
    ],
)
def test_names_of_all_peoples_are_taken(name: str) -> None:
    assert problems("micro", name=name) == {}


def test_a_name_that_no_contract_could_show_is_refused_at_once_without_repeating_it() -> None:
    """Its first character is U+20BB7, for which the font of the papers has no sign."""
    form = application("micro", name="𠮷田")
    with pytest.raises(InvalidForm) as refused:
        read_form(product("micro"), form, DAY)
    assert refused.value.fields == {
        "name": "Name has a character that our contracts cannot show yet; please ask our staff."
    }
    assert refused.value.fields_in("zh") == {"name": "姓名含有合同暂不能显示的生僻字，请联系工作人员。"}
    joint = {
        "joint_borrower_name": "𠮷田",
        "joint_borrower_id_number": id_number(),
        "joint_borrower_mobile": "19900000002",
    }
    assert problems("student", **joint).keys() == {"joint_borrower_name"}


def test_a_card_that_fails_luhn_is_taken() -> None:
    assert problems("micro", bank_card="6990000000000002") == problems("micro", bank_card="6990000000000001") == {}


@pytest.mark.parametrize(
    "vin", ["1M8GDM9AXKP042789", "1M8GDM9A1KP042788", "1M8GDM9AXKP04278", "1m8gdm9axkp042788", "1M8GDM9AXKPO42788"]
)
def test_a_vin_with_a_wrong_sign_or_check_digit_is_refused(vin: str) -> None:
    assert problems("auto", vin=vin).keys() == {"vin"}


@pytest.mark.parametrize("vin", ["1M8GDM9AXKP042788", "11111111111111111", "5GZCZ43D13S812715"])
def test_vins_with_a_right_check_digit_are_taken(vin: str) -> None:
    assert problems("auto", vin=vin) == {}


@pytest.mark.parametrize(
    "day", ["2027-02-30", "2027-6-30", "30.06.2027", "20270630", 20270630, "2201-01-01", "２０２７-06-30"]
)
def test_a_date_that_is_no_day_in_iso_form_is_refused(day: object) -> None:
    assert problems("student", graduation_date=day).keys() == {"graduation_date"}


@pytest.mark.parametrize(
    "field", ["name", "id_number", "mobile", "bank_card", "amount", "term", "purpose", "monthly_income"]
)
def test_a_missing_required_field_is_named(field: str) -> None:
    assert "is needed" in problems("micro", **{field: None})[field]


def test_an_unknown_field_is_refused_by_name() -> None:
    assert problems("micro", vin="1M8GDM9AXKP042788").keys() == {"vin"}


@pytest.mark.parametrize("name", ["11010519491231002X", "13800000001", "张三", "a b", "A", "a" * 42, "\ud800", "a\n"])
def test_an_unknown_field_whose_name_is_none_is_refused_without_repeating_it(name: str) -> None:
    assert problems("micro", **{name: "x"}).keys() == {UNREADABLE_NAME}


def test_json_is_read_as_it_is_meant() -> None:
    value = {"name": "𠮷田", "form": {"a": [1, "2", None, True, {"a": 1.5}]}}
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert read_json(text) == read_json(text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}',
        '{"form": {"a": 1, "b": 2, "a": 3}}',
        '[{"a": {}, "\\u0061": 1}]',
        '{"b": {"a": 1, "a": 2}, "b": 1}',
    ],
)
def test_a_name_twice_in_one_object_is_refused_by_that_name(text: str) -> None:
    with pytest.raises(InvalidForm) as refusal:
        read_json(text)
    assert refusal.value.fields.keys() == {"a"}
    assert refusal.value.fields_in("zh") != refusal.value.fields


def test_a_name_twice_that_is_no_name_of_a_field_is_not_repeated() -> None:
    with pytest.raises(InvalidForm) as refusal:
        read_json('{"11010519491231002X": 1, "11010519491231002X": 2}')
    assert refusal.value.fields.keys() == {UNREADABLE_NAME}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b"\xff\xfe",
        '{"a": "ü"}'.encode("latin-1"),
        '{"a": 1}'.encode("utf-16"),
        b'{"a": NaN}',
        b"[-Infinity]",
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b"9" * 5000,
        b"[" * (MOST_BRACKETS + 1) + b"]" * (MOST_BRACKETS + 1),
        b'{"a":' * 20_000,
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(NotJson) as refusal:
        read_json(content)
    assert (refusal.value.code, refusal.value.http_status) == ("invalid_request", 422)
    assert refusal.value.fields.keys() == {"body"}


def test_all_problems_are_told_at_once_and_none_repeats_what_was_entered() -> None:
    faulty = {
        "name": "张3",
        "id_number": "110105199002300028",
        "mobile": "8612345",
        "amount": "一万",
        "term": "36个月",
        "extra": "x",
    }
    found = problems("micro", purpose=None, **faulty)
    assert found.keys() == {*faulty, "purpose"}
    assert not [
        value for value in faulty.values() for sentence in found.values() if value in sentence and len(value) > 1
    ]


def test_what_the_product_finds_wrong_is_told_beside_the_faulty_fields() -> None:
    found = problems("auto", down_payment="10000", mobile="1", id_number=id_number(date(2010, 1, 1)))
    assert found.keys() == {"down_payment", "mobile", "id_number"}


def test_every_sentence_is_there_in_chinese() -> None:
    wrong: dict[str, object] = dict.fromkeys((field.name for field in product("student").form_fields), "\x01")
    for field, sentence in problems("student", **wrong).items():
        assert isinstance(sentence, Sentence), field
        assert sentence.zh != sentence


def test_the_made_up_people_and_vehicles_of_the_simulators_are_taken() -> None:
    people = population(seed=7, count=100)
    for person, vehicle in zip(people.people, people.vehicles, strict=False):
        born = {
            "id_number": person.id_number,
            "name": person.name,
            "mobile": person.mobile,
            "bank_card": person.account,
        }
        assert problems("auto", vin=vehicle.vin, **born).keys() <= {"id_number"}
        assert birth_date(person.id_number) == person.born


def test_age_changes_on_the_birthday() -> None:
    born = birth_date(id_number(date(2008, 2, 29)))
    assert [age_on(born, day) for day in (date(2026, 2, 28), date(2026, 3, 1))] == [17, 18]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
field_names = (
    st.sampled_from(sorted({field.name for one in CATALOGUE.products for field in one.form_fields})) | st.text()
)


@given(st.sampled_from(CATALOGUE.codes()), st.dictionaries(field_names, json_values))
def test_whatever_comes_in_the_form_is_read_or_refused(code: str, changes: dict[str, Any]) -> None:
    raw = {**application(code), **changes}
    with contextlib.suppress(InvalidForm):
        form = read_form(product(code), raw, DAY)
        assert {field.name for field in product(code).form_fields if field.required} <= form.keys()
