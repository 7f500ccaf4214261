"""The ids of commands."""

from models.keys import command_id


def test_the_same_person_act_and_name_is_the_same_command() -> None:
    # Spelled out: the ids of commands under way must survive a new version.
    assert command_id("customer-1", "L26000001:acceptance", "k") == "24dabcfe4a798c5e6668866236840df8"


def test_another_person_act_or_name_is_another_command() -> None:
    one = ("customer-1", "L26000001:acceptance", "k")
    others = [
        ("customer-2", "L26000001:acceptance", "k"),
        ("customer-1", "L26000001:prepayment", "k"),
        ("customer-1", "L26000002:acceptance", "k"),
        ("customer-1", "L26000001:acceptance", "l"),
    ]

    assert command_id(*one) not in {command_id(*other) for other in others}
