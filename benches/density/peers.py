"""Densities by what people use in Python, on one core: prints how long each took, and its values at the first points.

Run: python3 peers.py DATA SAMPLES POINTS DIMENSIONS SHOWN BANDWIDTH PART

A peer whose time is that of the pairs gets as many points as take about half a second, or PART of that.
"""
import sys
import time
from importlib import import_module
from importlib.metadata import version

try:
    import numpy as np
except ImportError as problem:
    sys.exit(f"{sys.executable}: {problem}")

file, n, most, d, shown = sys.argv[1], *map(int, sys.argv[2:6])
h, part = map(float, sys.argv[6:8])
numbers = np.fromfile(file)
samples, points = numbers[: n * d].reshape(n, d), numbers[n * d :].reshape(-1, d)


def scipy_kde():
    from scipy.stats import gaussian_kde

    kde = gaussian_kde(samples.T)
    kde.cho_cov = h * np.eye(d)
    return lambda points: kde.evaluate(points.T)


def sklearn_kde(**tolerances):
    from sklearn.neighbors import KernelDensity

    kde = KernelDensity(bandwidth=h, **tolerances).fit(samples)
    return lambda points: np.exp(kde.score_samples(points))


def kdepy_kde():
    from KDEpy import TreeKDE

    kde = TreeKDE(bw=h).fit(samples)
    # It plants its tree each time it is asked: that is done once, so it is not part of the time for the points.
    start = time.perf_counter()
    kde.evaluate(np.ascontiguousarray(points[:1]))
    planted = time.perf_counter() - start
    evaluate = lambda points: kde.evaluate(np.ascontiguousarray(points))
    evaluate.once = planted
    return evaluate


def finufft_kde():
    from finufft_peer import density

    if d > 3:
        return None
    return lambda points: density(samples, points, h, 1e-9)[0]


# Pairs that take about half a second, and how often.
for name, module, make, pairs, repeats in [
    ("scipy gaussian_kde", "scipy.stats", scipy_kde, 1e8, 1),
    ("sklearn, rtol 0", "sklearn.neighbors", sklearn_kde, 3e7, 1),
    ("sklearn, rtol 1e-4", "sklearn.neighbors", lambda: sklearn_kde(rtol=1e-4), 5e7, 1),
    ("KDEpy TreeKDE", "KDEpy", kdepy_kde, 5e7, 1),
    ("finufft, 1e-9", "finufft", finufft_kde, float("inf"), 3),
]:
    try:
        import_module(module)
        start = time.perf_counter()
        evaluate = make()
        before = time.perf_counter() - start
        if evaluate is None:
            continue
        once = getattr(evaluate, "once", 0)
        m = int(min(most, max(shown, part * pairs / n)))
        # The first one pays for what is imported and planned.
        values = evaluate(points[: m if repeats > 1 else shown])
        print("VALUES", ",".join(repr(float(value)) for value in values[:shown]), name)
        for _ in range(repeats):
            start = time.perf_counter()
            evaluate(points[:m])
            print("TIME", m, before, max(time.perf_counter() - start - once, 0), name)
    except Exception as problem:
        print("SKIP", f"{name} ({str(problem).splitlines()[0]})")


def versions():
    for package in ["numpy", "scipy", "scikit-learn", "KDEpy", "finufft"]:
        try:
            yield f"{package} {version(package)}"
        except Exception:
            pass


print("VERSIONS Python", sys.version.split()[0] + ",", ", ".join(versions()))
