from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import tickets
from incidents.errors import MistypedTicket

YEARS = st.integers(2024, 2099)
NUMBERS = st.integers(1, 9_999_999)


def test_ticket_has_year_sequence_and_check_character() -> None:
    assert tickets.make(year=2026, number=4217) == f"KT-26-0004217-{tickets.check_character('260004217')}"


def test_sequence_beyond_seven_digits_still_parses() -> None:
    ticket = tickets.make(year=2026, number=123_456_789)
    assert tickets.parse(ticket) == ticket


@given(YEARS, NUMBERS)
def test_parse_returns_what_make_made(year: int, number: int) -> None:
    ticket = tickets.make(year=year, number=number)
    assert tickets.parse(ticket) == ticket


@given(YEARS, NUMBERS, st.sampled_from(["", " ", "-", ".", "/", "–"]))
def test_parse_forgives_case_and_separators(year: int, number: int, separator: str) -> None:
    ticket = tickets.make(year=year, number=number)
    assert tickets.parse(f"  {ticket.lower().replace('-', separator)} ") == ticket


@pytest.mark.parametrize("number", [1, 4217, 90_210, 9_999_999])
def test_every_single_wrong_character_is_found(number: int) -> None:
    ticket = tickets.make(year=2026, number=number)
    plain = ticket.replace("-", "")[2:]
    for place, right in enumerate(plain):
        for wrong in tickets.ALPHABET:
            if wrong not in {right, {"0": "O", "1": "I"}.get(right) if place < len(plain) - 1 else right}:
                with pytest.raises(MistypedTicket):
                    tickets.parse(plain[:place] + wrong + plain[place + 1 :])


@given(YEARS, NUMBERS)
def test_parse_takes_letters_that_look_like_figures(year: int, number: int) -> None:
    ticket = tickets.make(year=year, number=number)
    assert tickets.parse("KT" + ticket[2:-1].translate(str.maketrans("01", "OI")) + ticket[-1]) == ticket


def test_nearly_every_swap_of_neighbours_is_found() -> None:
    found = tried = 0
    for number in range(1, 20_000, 37):
        digits = f"26{number:07d}"
        check = tickets.check_character(digits)
        for place in range(len(digits) - 1):
            if digits[place] != digits[place + 1]:
                swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
                tried += 1
                found += tickets.check_character(swapped) != check
    assert found / tried > 0.95


@pytest.mark.parametrize("text", ["", "KT", "KT-26-42-K", "KT-26-0004217", "XX-26-0004217-K", "١٢" * 9])
def test_parse_refuses_other_shapes(text: str) -> None:
    with pytest.raises(MistypedTicket):
        tickets.parse(text)


def test_digits_of_other_scripts_are_mistyped() -> None:
    with pytest.raises(MistypedTicket):
        tickets.parse("KT-٢٦-٠٠٠٤٢١٧-K")


@given(st.text(max_size=60))
def test_parse_of_any_text_is_a_ticket_or_mistyped(text: str) -> None:
    with suppress(MistypedTicket):
        ticket = tickets.parse(text)
        assert tickets.parse(ticket) == ticket
