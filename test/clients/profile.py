"""The contract's reference profile and the drift figures are what numpy, pandas and scipy make of the same rows."""

import numpy as np
import pandas as pd
import tritonclient.http as over_http
from checks import check, deploy, finish, get, server
from graphs import columns
from scipy.stats import betabinom, chi2
from tritonclient.utils import triton_to_np_dtype

EPSILON = 1e-6  # shares are clipped here
LISTED, FEWEST = 20, 10  # categories that drift counts one by one; rows that each of them has where there are more
REFERENCE_ROWS, LIVE_ROWS = 5000, 1200

target = server()
random = np.random.default_rng(20010601)

# Column -> datatype of the input that it feeds.
DATATYPES = {
    "normal": "FP64", "single": "FP32", "gaps": "FP64", "tenths": "FP32", "halves": "FP16", "constant": "FP64", "raised": "FP32", "rare": "FP32", "wide": "FP64", "endless": "FP64",
    "absent": "FP32", "count": "INT64", "huge": "INT64", "byte": "UINT8", "flag": "BOOL", "word": "BYTES", "free": "BYTES",
}


def made(rows, shift):
    """`shift` 0 is the reference; more of it moves most columns."""
    tenths = np.round(random.integers(0, 11, rows) * 0.1, 1)
    frame = pd.DataFrame(
        {
            "normal": random.normal(shift, 1, rows),
            "single": random.normal(shift, 1 + shift, rows).astype(np.float32),
            "gaps": np.where(random.random(rows) < 0.05 + shift / 5, np.nan, random.normal(size=rows)),
            # Ties on the edges, which 32 and 16 bits round differently than 64: nothing may move for that.
            "tenths": tenths,
            "halves": tenths[::-1],
            "constant": 3.25,
            # What rises above a value that fills the top of the reference.
            "raised": 3.25 if shift == 0 else np.where(random.random(rows) < 0.3, 3.2500002384185791015625, 3.25),
            "rare": (random.random(rows) < 0.05 + shift / 2).astype(np.float32),
            "wide": 10.0 ** random.uniform(-300, 300, rows),
            # Infinities are values of a reference; no request may have them.
            "endless": np.where(random.random(rows) < (0.01 if shift == 0 else 0), random.choice([np.inf, -np.inf], rows), random.normal(size=rows)),
            "absent": np.full(rows, np.nan, dtype=np.float32),
            "count": random.poisson(3 + 2 * shift, rows),
            "huge": random.integers(2**62, 2**63 - 1, rows),
            "byte": random.integers(0, 256, rows).astype(np.uint8),
            "flag": random.random(rows) < 0.3 + shift / 4,
            "word": random.choice([f"wört {index}" for index in range(26)] + [f"new {index}" for index in range(4)], rows, p=weights(26, 4, 0.1 * shift)),
            # More than a profile lists.
            "free": random.choice([f"text {index}" for index in range(6000)], rows, p=weights(6000, 0, 0)),
        }
    )
    if shift == 0:
        frame.loc[random.random(rows) < 0.03, "word"] = None
    return frame[list(DATATYPES)]


def weights(known, new, share_of_new):
    falling = 1 / np.arange(1, known + 1)
    return np.concatenate([falling / falling.sum() * (1 - share_of_new), np.full(new, share_of_new / max(new, 1))])


def as_fed(column, values):
    """Numbers as the model gets them."""
    kind = triton_to_np_dtype(DATATYPES[column])
    return values.astype(kind if np.dtype(kind).kind == "f" else np.float64).astype(np.float64)


def edges_of(finite):
    """Deciles, and the end of each value that fills one or that more than 12% of the rows reach at the top."""
    if len(finite) == 0:
        return np.array([])
    deciles = np.quantile(finite, np.arange(1, 10) / 10)
    edges, times = np.unique(deciles, return_counts=True)
    ends = []
    for edge, repeated in zip(edges, times):
        larger, following = finite[finite > edge], edges[edges > edge]
        hides_rise = len(following) == 0 and (finite == edge).sum() > 1 and (finite >= edge).sum() > 0.12 * len(finite)
        if repeated > 1 or hides_rise:
            end = larger.min() if len(larger) > 0 else np.nextafter(edge, np.inf)
            if len(following) == 0 or end < following[0]:
                ends.append(end)
    return np.unique(np.append(edges, ends))


def bucketed(values, edges):
    """Rows per bucket; a value on an edge is in the bucket above it."""
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


def stability_index(reference, live):
    r, c = (np.clip(counts / counts.sum(), EPSILON, None) for counts in (np.asarray(reference), np.asarray(live)))
    return float(np.sum((c - r) * np.log(c / r)))


def noise_of(reference, expected, rows):
    """95% point of the PSI of beta-binomial windows, by the moments of a scaled chi-square."""
    prior, r = np.asarray(expected) + 0.5, np.asarray(reference) / np.sum(reference)
    live = np.arange(rows + 1) / rows
    mean = variance = 0
    for alpha, share in zip(prior, np.clip(r, EPSILON, None)):
        chance = betabinom.pmf(np.arange(rows + 1), rows, alpha, prior.sum() - alpha)
        part = (np.clip(live, EPSILON, None) - share) * np.log(np.clip(live, EPSILON, None) / share)
        mean += chance @ part
        variance += chance @ part**2 - (chance @ part) ** 2
    spread = (prior.sum() + rows) / (rows * (prior.sum() + 1))
    variance += 2 * spread**2 * (1 - np.sum((prior / prior.sum()) ** 2))
    return chi2.ppf(0.95, 2 * mean**2 / variance) * variance / (2 * mean)


def without_luck(counts, every):
    """Posterior means of Poisson counts under a gamma prior with the moments of all counts."""
    mean, variance = np.mean(every), np.var(every)
    return mean + max(0, 1 - mean / variance) * (counts - mean)


def drift_counts(column, profile, reference, live):
    """Rows of reference and live window in the buckets of the drift report, and those that another reference is expected to have."""
    if profile["kind"] == "numeric":
        edges = np.asarray(profile["edges"], dtype=np.float64)
        counted, now_counted = (np.append(bucketed(part[~np.isnan(part)], edges), np.isnan(part).sum()) for part in (as_fed(column, reference), as_fed(column, live)))
    else:
        known = [entry["value"] for entry in profile["categories"]]
        there, now = pd.Series(reference), pd.Series(live)
        every = there.value_counts()
        top = [value for value in known if len(every) <= LISTED or every[value] >= FEWEST][:LISTED]
        others = set(known) - set(top)
        # A text that is there once would be new to the rest. What a profile without room for all its categories does not list is no news.
        single = 0 if profile["otherCount"] > 0 else sum(every[value] == 1 for value in others)
        counted = [every[value] for value in top] + [(~there.isin(top) & there.notna()).sum() - single, single, there.isna().sum()]
        new, other = (~now.isin(known)).sum(), now.isin(others).sum()
        now_counted = [(now == value).sum() for value in top] + ([other + new, 0] if profile["otherCount"] > 0 else [other, new]) + [0]
    counted, now_counted = np.asarray(counted), np.asarray(now_counted)
    expected = counted.astype(float)
    if profile["kind"] == "categorical" and len(top) < len(every):
        # The texts that come most are the luckiest; their luck falls to the others.
        expected[: len(top)] = without_luck(counted[: len(top)], every)
        expected[len(top)] += counted[: len(top)].sum() - expected[: len(top)].sum()
    return counted, now_counted, expected


def sent(frame, rows):
    """What a client sends of the frame."""
    tensors = []
    for column, datatype in DATATYPES.items():
        array = frame[column].to_numpy()[rows].reshape(-1, 1).astype(triton_to_np_dtype(datatype))
        tensors.append(over_http.InferInput(column, list(array.shape), datatype).set_data_from_numpy(array))
    return tensors


def check_drift(model, reference, live, profiles):
    report = get(target, f"/api/models/{model}/drift")
    assert report["rows"] == len(live) and [entry["column"] for entry in report["columns"]] == list(DATATYPES), report["rows"]
    for entry in report["columns"]:
        column = entry["column"]
        with check(f"{model}: drift of {column} is numpy's"):
            counted, now, expected = drift_counts(column, profiles[column], reference[column].to_numpy(), live[column].to_numpy())
            noise = noise_of(counted, expected, now.sum())
            # Buckets that are empty on both sides are not shown.
            used = (counted > 0) | (now > 0)
            counted, now = counted[used], now[used]
            np.testing.assert_allclose(entry["reference"], counted / counted.sum(), rtol=1e-12, err_msg="reference shares")
            np.testing.assert_allclose(entry["live"], now / now.sum(), rtol=1e-12, err_msg="live shares")
            want = stability_index(counted, now)
            assert abs(entry["psi"] - want) <= 1e-9 * max(1, want), f"PSI {entry['psi']}, numpy has {want}"
            # The server expands what well filled buckets add to the second order.
            np.testing.assert_allclose(entry["noise"], noise, rtol=0.03, err_msg="noise")
            level = "none" if want <= entry["noise"] or want < 0.1 else "moderate" if want < 0.2 else "major"
            assert entry["level"] == level and len(entry["labels"]) == len(counted), (entry["level"], level)


reference, same, shifted = made(REFERENCE_ROWS, 0), made(LIVE_ROWS, 0), made(LIVE_ROWS, 0.6)
same["endless"] = np.clip(same["endless"], -9, 9)
same["word"] = same["word"].fillna("wört 0")
reference.to_parquet(target.directory / "profiled.parquet", index=False)
columns(target.directory / "profiled.onnx", DATATYPES)
answer = deploy(target, "profiled", target.directory / "profiled.onnx", "--reference", str(target.directory / "profiled.parquet"), "--allow-missing")
profiles = {profile["name"]: profile for profile in answer["version"]["contract"]["referenceProfile"]["columns"]}

for column, datatype in DATATYPES.items():
    profile = profiles.get(column, {})
    with check(f"the profile of {column} is that of numpy and pandas"):
        assert profile["count"] == REFERENCE_ROWS and profile["input"] == column and profile["kind"] == ("categorical" if datatype == "BYTES" else "numeric")
        series = reference[column]
        assert profile["missing"] == int(series.isna().sum())
        if datatype == "BYTES":
            counts = series.value_counts()
            ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
            assert profile["distinct"] == series.nunique()
            assert [(entry["value"], entry["count"]) for entry in profile["categories"]] == ordered[:1000]
            assert (profile["otherCount"] > 0) == (column == "free"), profile["distinct"]
            assert profile["otherCount"] == sum(count for _, count in ordered[1000:])
            continue
        values = as_fed(column, series.to_numpy())
        present, finite = values[~np.isnan(values)], values[np.isfinite(values)]
        edges = edges_of(finite)
        assert [float(edge) for edge in profile["edges"]] == edges.tolist(), f"edges {profile['edges']}, numpy has {edges.tolist()}"
        assert profile["counts"] == bucketed(present, edges).tolist(), f"counts {profile['counts']}, numpy has {bucketed(present, edges)}"
        for figure, want in (("min", np.min), ("max", np.max), ("mean", np.mean), ("standardDeviation", np.std)):
            if len(finite) == 0:
                assert profile[figure] is None, profile
            elif column == "wide" and figure == "standardDeviation":
                # numpy's squares overflow; scaled down they do not.
                np.testing.assert_allclose(profile[figure], np.std(finite / 1e200) * 1e200, rtol=1e-9)
            else:
                np.testing.assert_allclose(profile[figure], want(finite), rtol=1e-9, atol=1e-15, err_msg=figure)

http = over_http.InferenceServerClient(target.http)
for start in range(0, LIVE_ROWS, 300):
    http.infer("profiled", sent(same, slice(start, start + 300)))
check_drift("profiled", reference, same, profiles)

deploy(target, "shifted", target.directory / "profiled.onnx", "--reference", str(target.directory / "profiled.parquet"), "--allow-missing")
for start in range(0, LIVE_ROWS, 37):
    http.infer("shifted", sent(shifted, slice(start, start + 37)))
check_drift("shifted", reference, shifted, profiles)

with check("nothing drifts in rows like the reference, and what was shifted does"):
    calm = {entry["column"]: entry["level"] for entry in get(target, "/api/models/profiled/drift")["columns"]}
    # A text that was missing before and never is now has moved indeed.
    assert calm.pop("word") == "major" and set(calm.values()) == {"none"}, calm
    moved = {entry["column"]: entry["level"] for entry in get(target, "/api/models/shifted/drift")["columns"]}
    for column in ("normal", "single", "gaps", "raised", "rare", "count", "word"):
        assert moved[column] != "none", moved
    for column in ("tenths", "halves", "constant", "absent", "huge", "byte", "wide", "endless", "free"):
        assert moved[column] == "none", moved

finish()
