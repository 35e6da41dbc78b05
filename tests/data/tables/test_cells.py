"""Words of a table as numbers and dates, and back."""

import pytest

from genus.data.tables.cells import decimal_mark, format_of, is_number, moment_of, parsed, style_of


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["1", "-2", "+3"], [1, -2, 3]),
        (["1.50", "2.25"], [1.5, 2.25]),
        (["1e-3", "2.5E4"], [1e-3, 2.5e4]),
        (["1,234", "12,345,678", "5"], [1234, 12345678, 5]),
        (["1,234.50", "-2,000.25"], [1234.5, -2000.25]),
        (["1 234", "12 345"], [1234, 12345]),
        (["$1,234.50", "$3.00", "-$2.25"], [1234.5, 3, -2.25]),
        (["12.5%", "3.0%"], [12.5, 3]),
        (["12.5 %", "3.0 %"], [12.5, 3]),
        (["3.14€", "2.50€"], [3.14, 2.5]),
    ],
)
def test_styles_of_numbers(words, values):
    style = style_of(words, None)
    assert [style.number(word) for word in words] == values
    assert [style.number(style.word(value)) for value in values] == values


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["1,5", "-2,25"], [1.5, -2.25]),
        (["1.234,50", "7,00"], [1234.5, 7]),
        (["12,5 %", "3,0 %"], [12.5, 3]),
        (["17", "2,5"], [17, 2.5]),
    ],
)
def test_styles_with_decimal_commas(words, values):
    assert decimal_mark(words) == ","
    style = style_of(words, ",")
    assert [style.number(word) for word in words] == values
    assert [style.number(style.word(value)) for value in values] == values


def test_words_come_back_as_they_were():
    for words in (["1.50", "22.00"], ["1,234,567", "89"], ["$1,000.00", "$12.50"], ["3 %", "17 %"]):
        style = style_of(words, None)
        assert [style.word(style.number(word)) for word in words] == words
    assert style_of(["0.5", "1.25"], None).word(-0.001) == "0"


@pytest.mark.parametrize(
    "word", ["", "nan", "inf", "1_000", "1.2.3", "12,34,5", "x1", "--3", "0x10"]
)
def test_what_is_no_number(word):
    assert not is_number(word)


@pytest.mark.parametrize(
    ("words", "form"),
    [
        (["2024-02-29", "1999-12-31"], "%Y-%m-%d"),
        (["31.12.1999", "01.02.2003"], "%d.%m.%Y"),
        (["12/31/1999", "01/02/2003"], "%m/%d/%Y"),
        (["31/12/1999", "01/02/2003"], "%d/%m/%Y"),
        (["2024-02-29 23:59:01"], "%Y-%m-%d %H:%M:%S"),
        (["2024-02-29T23:59:01Z"], "%Y-%m-%dT%H:%M:%SZ"),
        (["2024-02-29T23:59"], "%Y-%m-%dT%H:%M"),
        (["3 Mar 2021", "14 Apr 2022"], "%d %b %Y"),
        (["23:59", "00:01"], "%H:%M"),
    ],
)
def test_dates(words, form):
    assert format_of(words) == (form, False)
    if "%Y" in form:
        for word in words:
            assert moment_of(parsed(word, form)).strftime(form).lstrip("0") == word.lstrip("0")


def test_a_date_that_may_be_read_in_two_ways_is_said():
    assert format_of(["01/02/2003", "03/04/2005"]) == ("%m/%d/%Y", True)


@pytest.mark.parametrize("words", [["2024-02-30"], ["1.5", "2.5"], ["17", "18"], ["a-b"]])
def test_what_is_no_date(words):
    assert format_of(words) is None
