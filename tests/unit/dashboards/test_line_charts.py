from dashboards.line_charts import LABELS, Moment, lines


def test_lines_stand_in_the_middle_of_their_step_from_zero_up() -> None:
    chart = lines([Moment("a", (0, 100)), Moment("b", (50, 200))])
    assert chart.lines == [["25.00,100.00 75.00,75.00"], ["25.00,50.00 75.00,0.00"]]
    assert (chart.ticks, chart.grid, chart.band) == ([200, 100, 0], [0.0, 50.0, 100.0], "")


def test_a_band_goes_along_its_upper_end_and_back_along_its_lower() -> None:
    chart = lines([Moment("a", (None,), (0, 100)), Moment("b", (None,), (50, 100)), Moment("c", (1,))])
    assert chart.band == "16.67,0.00 50.00,0.00 50.00,50.00 16.67,100.00"
    assert chart.lines == [[]]  # one point is no line


def test_a_line_has_a_gap_where_nothing_is_told() -> None:
    chart = lines([Moment("", (n,)) for n in (1, 1, None, 1, 1)])
    assert len(chart.lines[0]) == 2


def test_few_labels_are_written() -> None:
    chart = lines([Moment(str(n), (n,)) for n in range(20)])
    assert [text for text in chart.labels if text] == ["0", "4", "8", "12", "16"]
    assert len([text for text in chart.labels if text]) <= LABELS
