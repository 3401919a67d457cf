import numpy as np
import pytest

from heamap.evaluation import mixture


def drawn(means: list[float], columns: list[int], width: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Values and the component that each comes from, shuffled."""
    rng = np.random.default_rng(seed)
    component = rng.permutation(np.repeat(np.arange(len(means)), columns))
    return np.asarray(means)[component] + width * rng.standard_normal(component.size), component


@pytest.mark.parametrize("means", ["free", "equidistant"])
@pytest.mark.parametrize("components", [1, 3, 8])
def test_icl_finds_the_number_of_components(components: int, means: mixture.Means) -> None:
    values, component = drawn([10.0 + 1.5 * k for k in range(components)], [25] * components, 0.2)
    found = mixture.choose(values, means=means)
    assert len(found.means) == components
    np.testing.assert_array_equal(found.assign(values), component)
    np.testing.assert_allclose(found.means, 10 + 1.5 * np.arange(components), atol=0.12)
    # Components lie 7.5 widths apart: one value in 10,000 is nearer to another's mean.
    np.testing.assert_allclose(found.weights, 1 / components, atol=1e-3)
    spread = np.concatenate([values[component == k] - values[component == k].mean() for k in range(components)])
    assert found.width == pytest.approx(spread.std(), rel=0.05)


def test_free_means_may_lie_at_any_distance_and_weigh_anything() -> None:
    values, component = drawn([1.0, 2.0, 5.0, 6.5], [10, 60, 20, 40], 0.1)
    found = mixture.choose(values)
    np.testing.assert_allclose(found.means, [1, 2, 5, 6.5], atol=0.1)
    np.testing.assert_allclose(found.weights, np.array([10, 60, 20, 40]) / 130, atol=0.01)
    np.testing.assert_array_equal(found.assign(values), component)


def test_equidistant_means_leave_room_for_a_thickness_that_no_column_has() -> None:
    values, component = drawn([4.0, 5.0, 7.0, 8.0, 9.0], [40] * 5, 0.1)
    found = mixture.choose(values, means="equidistant")
    np.testing.assert_allclose(found.means, [4, 5, 6, 7, 8, 9], atol=0.05)
    assert found.weights[2] < 0.01
    np.testing.assert_array_equal(found.assign(values), np.array([0, 1, 3, 4, 5])[component])


def test_one_component_has_the_closed_form_of_a_normal_sample() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 50)
    for means in ("free", "equidistant"):
        found = mixture.fit(values, 1, means=means)
        assert found.means[0] == pytest.approx(values.mean())
        assert found.width == pytest.approx(values.std())
        # -2 log L = n (log(2 pi s^2) + 1), no entropy, and two parameters.
        assert found.icl == pytest.approx(50 * (np.log(2 * np.pi * values.var()) + 1) + 2 * np.log(50))


def test_parameters_of_separate_components_cost_what_the_criterion_says() -> None:
    # Two values a component, +-d about means far apart: width d, weights 1/2, no entropy.
    values = np.array([-0.1, 0.1, 9.9, 10.1])
    fitted = -2 * 4 * (np.log(0.5) - np.log(0.1) - 0.5 * np.log(2 * np.pi) - 0.5)
    for means in ("free", "equidistant"):
        found = mixture.fit(values, 2, means=means)
        np.testing.assert_allclose(found.means, [0, 10], atol=1e-9)
        assert found.icl == pytest.approx(fitted + 4 * np.log(4))


def test_equidistant_means_cost_no_parameter_of_their_own() -> None:
    values, _ = drawn([0.0, 1.0, 2.0, 3.0], [50] * 4, 0.05)
    saved = mixture.fit(values, 4).icl - mixture.fit(values, 4, means="equidistant").icl
    assert 2 * np.log(200) - 10 < saved < 2 * np.log(200)


def test_overlap_costs_entropy_so_that_blurred_thicknesses_are_not_told_apart() -> None:
    values, _ = drawn([0.0, 1.0, 2.0, 3.0], [50] * 4, 1.0)
    assert len(mixture.choose(values).means) == 1


def test_few_columns_are_not_split_up() -> None:
    values = np.arange(14.0) ** 2
    assert len(mixture.choose(values).means) <= 14 // mixture.COLUMNS_PER_COMPONENT
    assert len(mixture.choose(values[:3]).means) == 1


def test_equal_values_are_one_component() -> None:
    for value in (0.0, 2.5):
        found = mixture.choose(np.full(40, value))
        np.testing.assert_array_equal(found.means, [value])
        np.testing.assert_array_equal(found.assign([value, value]), [0, 0])


def test_scale_and_order_of_the_values_do_not_matter() -> None:
    values, component = drawn([1.0, 2.0, 3.0], [20, 30, 40], 0.1)
    for changed, expected in ((1e-6 * values, component), (values[::-1], component[::-1])):
        np.testing.assert_array_equal(mixture.choose(changed).assign(changed), expected)


def test_unusable_values_are_refused() -> None:
    for values in ([], [1.0, np.nan], [[1.0]]):
        with pytest.raises(ValueError, match="finite values"):
            mixture.choose(values)
    with pytest.raises(ValueError, match="3 components for 2 different values"):
        mixture.fit([1.0, 1.0, 2.0], 3)
