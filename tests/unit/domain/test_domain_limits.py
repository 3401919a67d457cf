import dataclasses

import numpy as np
import pytest

from heamap.contract import DomainLimits, Limits
from heamap.domain import limits
from heamap.domain.lattice import RELATIVE, Fit
from heamap.domain.measures import FEATURES, Measures
from heamap.domain.windows import plan_grid


def made_up(rng, *, constant=3.7, spread=0.01, lattice=True):
    """Measures of a one-window image whose figures scatter as told."""

    def one(middle, scatter):
        return np.array([middle + scatter * rng.standard_normal()])

    fit = Fit(
        constant=one(constant, spread),
        contrast=np.array([5.0 if lattice else 1.0]),
        misfit=one(0.006, 0.001),
        foreign=one(-2.0, 0.2),
        superlattice=one(0.0, 0.3),
        relative=rng.standard_normal((1, len(RELATIVE))),
        peak=np.zeros(1),
    )
    features = rng.standard_normal((1, len(FEATURES)))
    grid = plan_grid((100, 100), sampling_angstrom=0.2)
    weights = np.array([1.0 if lattice else 0.0])
    return Measures(grid, fit, np.ones(1), features, weights, 0.9, float(one(2.2, 0.02)[0]))


def drawn(seed, count, **options):
    rng = np.random.default_rng(seed)
    return [made_up(rng, **options) for _ in range(count)]


def fitted(calibration_spread=0.01):
    calibration = drawn(1, 200, spread=calibration_spread)
    return limits.fit_limits(drawn(0, 300), [calibration[::2], calibration[1::2]])


def verdicts(found, images):
    said = []
    for image in images:
        checks = limits.image_checks(image)
        checks["distance"] = float(limits.distance(image.mean(image.features)[None], found)[0])
        judged = {limits.judge(checks[name], found.checks[name]) for name in limits.FITTED}
        said.append("refused" if "refused" in judged else "doubtful" if "doubtful" in judged else "in domain")
    return said


def test_bounds_that_need_no_training_hold_for_contracts_older_than_they_are():
    found = fitted()
    assert found.checks["superlattice"] == limits.FIXED["superlattice"]
    older = {name: bounds for name, bounds in found.checks.items() if name != "superlattice"}
    assert (
        limits.image_bounds(found.model_copy(update={"checks": older}), "superlattice") == found.checks["superlattice"]
    )


def test_at_most_one_calibration_view_in_a_hundred_is_called_doubtful():
    found = fitted()
    assert verdicts(found, drawn(1, 200)).count("in domain") >= 198
    assert (found.views, found.calibration_views, found.calibration_particles) == (300, 200, 2)
    # And new images of the same kind alike.
    assert verdicts(found, drawn(2, 2000)).count("in domain") / 2000 == pytest.approx(0.99, abs=0.01)


def test_particles_that_differ_stretch_the_bounds_to_the_left_out_one():
    alike = limits.fit_limits(drawn(0, 300), [drawn(seed, 50) for seed in range(1, 6)])
    one_far = [*(drawn(seed, 50) for seed in range(1, 5)), drawn(5, 50, constant=3.76)]
    apart = limits.fit_limits(drawn(0, 300), one_far)
    # The far particle is at 3.76 +- .01; its last hundredth, once more as far as beyond the others, is beyond 3.78.
    assert apart.checks["lattice_constant_angstrom"].doubtful_above > 3.78
    assert alike.checks["lattice_constant_angstrom"].doubtful_above < 3.75


def test_particles_that_scatter_more_than_the_training_widen_the_bounds():
    def width(found):
        bounds = found.checks["lattice_constant_angstrom"]
        return bounds.doubtful_above - bounds.doubtful_below

    assert width(fitted(0.03)) > 2 * width(fitted())


def test_bounds_ascend_however_far_calibration_images_lie_from_the_training_s():
    """As of images without noise, whose training images hardly scatter."""
    bounds = fitted(4.0).checks["lattice_constant_angstrom"]
    assert bounds.doubtful_below < 0
    assert bounds.refused_below <= bounds.doubtful_below < bounds.doubtful_above < bounds.refused_above


def test_a_lattice_constant_is_refused_seven_per_cent_beyond_the_training():
    bounds = fitted().checks["lattice_constant_angstrom"]
    assert bounds.refused_above == pytest.approx(1.07 * bounds.doubtful_above)
    assert bounds.refused_below == pytest.approx(bounds.doubtful_below / 1.07)
    assert limits.judge(3.7 * 1.05, bounds) == "doubtful"
    assert limits.judge(3.7 * 1.15, bounds) == limits.judge(3.7 / 1.15, bounds) == "refused"


def test_no_alloy_of_the_elements_shows_a_pixel_size_fifteen_per_cent_off_and_passes_as_doubtful():
    wide = Limits(refused_below=3.22, doubtful_below=3.45, doubtful_above=3.997, refused_above=4.276)
    found = fitted()

    def judged(value, bounds):
        checks = found.checks | {"lattice_constant_angstrom": bounds}
        known = limits.image_bounds(found.model_copy(update={"checks": checks}), "lattice_constant_angstrom")
        return limits.judge(value, known)

    for own in (3.55, 3.6, 3.83, 3.9):
        assert judged(own, wide) == "in domain"
        assert judged(1.15 * own, wide) == judged(own / 1.15, wide) == "refused"
    assert judged(4.02, wide) == judged(3.43, wide) == "doubtful"
    # What the training images show is never refused, and narrow bounds stay as they are.
    assert judged(4.1, wide.model_copy(update={"doubtful_above": 4.2})) == "in domain"
    narrow = Limits(refused_below=3.5, doubtful_below=3.6, doubtful_above=3.8, refused_above=3.9)
    assert [judged(value, narrow) for value in (3.49, 3.55, 3.85, 3.91)] == [
        "refused",
        "doubtful",
        "doubtful",
        "refused",
    ]
    assert judged(4.06, Limits(doubtful_above=4.0)) == "refused"


def test_small_misfits_and_distances_are_no_fault():
    found = fitted()
    for name in ("misfit", "foreign", "distance"):
        assert found.checks[name].doubtful_below is None
    assert limits.judge(-100.0, found.checks["foreign"]) == "in domain"


def test_the_distance_is_in_standard_deviations_of_independent_features():
    found = fitted()
    away = np.array(found.feature_mean)
    away[2] += 5.0
    assert limits.distance(away[None], found)[0] == pytest.approx(5.0, rel=0.15)


def test_without_lattices_no_bounds_are_drawn():
    assert limits.fit_limits(drawn(0, 300, lattice=False), [drawn(1, 100)]) is None
    assert limits.fit_limits(drawn(0, 300), [drawn(1, 100, lattice=False)]) is None


def test_what_could_not_be_measured_is_refused():
    assert limits.judge(float("nan"), Limits(doubtful_above=1.0)) == "refused"


def test_limits_survive_the_contracts_json():
    found = fitted()
    assert DomainLimits.model_validate_json(found.model_dump_json()) == found


def test_bounds_out_of_order_or_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match="must ascend"):
        Limits(doubtful_above=2.0, refused_above=1.0)
    with pytest.raises(ValueError, match="must be of 7 features"):
        DomainLimits.model_validate(fitted().model_dump() | {"feature_mean": (0.0,)})


def test_region_bounds_come_from_single_windows():
    found = fitted().region_checks
    assert set(found) == {"lattice_constant_angstrom", "misfit", "foreign"}
    loose = [dataclasses.replace(view, weights=np.zeros(1)) for view in drawn(5, 50)]
    assert limits.fit_limits(loose, [loose]) is None
