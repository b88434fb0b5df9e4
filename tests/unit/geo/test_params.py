import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidPoint, ParameterError
from geo.params import parse_bbox, parse_flag, parse_number, parse_point, parse_simplify, parse_whole, refuse_unknown

degrees = st.floats(-90, 90, allow_nan=False)


@given(st.floats(-180, 180, allow_nan=False), degrees)
def test_parse_point_returns_what_was_written(lon: float, lat: float) -> None:
    assert parse_point({"lon": repr(lon), "lat": repr(lat)}) == (lon, lat)


@given(st.text(max_size=30), st.text(max_size=30))
def test_parse_point_gives_a_place_on_earth_or_refuses(lon: str, lat: str) -> None:
    try:
        east, north = parse_point({"lon": lon, "lat": lat})
    except InvalidPoint as error:
        assert error.field in {"lon", "lat"}  # noqa: PT017
        assert error.detail  # noqa: PT017
    else:
        assert -180 <= east <= 180
        assert -90 <= north <= 90


@pytest.mark.parametrize(
    "text",
    ["nan", "NaN", "inf", "-Infinity", "1e309", "1_0", "٤٥", "0x1", "", " ", "1,5", "1 2", "--1", "1.2.3", "\x001"],
)
def test_parse_point_refuses_what_is_no_plain_number(text: str) -> None:
    with pytest.raises(InvalidPoint) as refused:
        parse_point({"lon": "117.5", "lat": text})
    assert refused.value.field == "lat"


def test_parse_point_sees_that_lat_and_lon_are_swapped() -> None:
    with pytest.raises(InvalidPoint, match=r"lat and lon are swapped|tertukar"):
        parse_point({"lon": "0.52", "lat": "117.55"})


def test_parse_number_advises_a_dot_for_a_comma() -> None:
    with pytest.raises(ParameterError, match=r"dot|titik"):
        parse_number("117,55", name="lon")


@given(st.floats(-180, 180), degrees, st.floats(-180, 180), degrees)
def test_parse_bbox_gives_an_ordered_box_or_refuses(a: float, b: float, c: float, d: float) -> None:
    text = f"{a!r},{b!r},{c!r},{d!r}"
    if a <= c and b <= d:
        assert parse_bbox(text) == (a, b, c, d)
    else:
        with pytest.raises(ParameterError):
            parse_bbox(text)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "117,0,nan,1", "117,0,118,91", "-181,0,1,1"])
def test_parse_bbox_refuses(text: str) -> None:
    with pytest.raises(ParameterError) as refused:
        parse_bbox(text)
    assert (refused.value.name, refused.value.code) == ("bbox", "invalid_parameter")


def test_parse_bbox_sees_that_axes_are_swapped() -> None:
    with pytest.raises(ParameterError, match=r"swapped|tertukar"):
        parse_bbox("0.1,116.0,1.5,118.0")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_parse_simplify_is_from_0_to_5000(metres: float) -> None:
    if 0 <= metres <= 5_000:
        assert parse_simplify(repr(metres)) == metres
    else:
        with pytest.raises(ParameterError):
            parse_simplify(repr(metres))


def test_parse_number_is_finite_at_the_edge() -> None:
    assert math.isfinite(parse_number("1e308", name="x"))


@pytest.mark.parametrize("text", ["", "-1", "1.0", "+1", "1e3", "１", "9" * 10])
def test_parse_whole_refuses(text: str) -> None:
    with pytest.raises(ParameterError):
        parse_whole(text, name="limit")


def test_parse_flag_knows_true_and_false_only() -> None:
    assert parse_flag("false", name="geometry") is False
    with pytest.raises(ParameterError):
        parse_flag("0", name="geometry")


def test_refuse_unknown_names_the_parameter_and_the_known() -> None:
    with pytest.raises(ParameterError, match="bbx") as refused:
        refuse_unknown({"bbox": "", "bbx": ""}, {"bbox", "limit"})
    assert refused.value.field == "bbx"
    assert "bbox, limit" in refused.value.detail


def test_refuse_unknown_names_no_empty_list() -> None:
    with pytest.raises(ParameterError) as refused:
        refuse_unknown({"x": ""}, set())
    assert ":" not in refused.value.detail
