"""A data set says what it is: as text, and as HTML with some of its rows."""

from dataclasses import replace

from genus.data import load


def test_what_a_data_set_says():
    said = repr(load("digits")).splitlines()
    assert said[0] == "digits"
    assert "  rows: 1,297 train, 200 validation, 300 test" in said
    assert "  space: Pixels(shape=(1, 8, 8), levels=17)" in said
    assert "  labels: 10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in said
    assert "context" in repr(load("digits").labelled())
    assert " at 0x" not in repr(load("moons"))


def test_many_classes_are_not_all_named():
    many = replace(load("digits"), class_names=tuple(map(str, range(200))))
    assert repr(many).endswith("labels: 10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...")


def test_a_notebook_sees_some_rows():
    page = load("digits")._repr_html_()
    assert "1,297 train" in page
    assert page.count('<img src="data:image/png;base64,') == 1


def test_what_users_wrote_is_no_markup():
    mean = "<script>alert(1)</script>"
    data = replace(load("digits"), name=mean, class_names=(mean,) * 10, notes=(mean,))
    assert "<script>" not in data._repr_html_()
    assert "&lt;script&gt;" in data._repr_html_()


def test_what_a_split_says():
    digits = load("digits").labelled()
    assert repr(digits.test) == (
        f"<{digits.test.name}: 300 rows of Pixels(shape=(1, 8, 8), levels=17), each given "
        f"Classes(count=10)>"
    )
