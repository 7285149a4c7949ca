"""The improved Sheather-Jones bandwidths that tests/density_select.rs compares with, in 50 digits, straight from the equations of the paper.

    python3 sheather_jones.py ../../examples/data/faithful.csv    (needs numpy and mpmath)

The counts are those of 2^14 cells over the range and a tenth of it at both ends; the root is found by bisection.
"""
import math
import sys

import mpmath as mp
import numpy as np

mp.mp.dps = 50
def isj(x, cells=2**14):
    x = np.array(x); low, high = x.min(), x.max(); R = high-low
    start, length = low-0.1*R, 1.2*R
    c = np.minimum(((x-start)/length*cells).astype(int), cells-1)
    cell, count = np.unique(c, return_counts=True)
    n = len(np.unique(x)); K = 4000
    # exact cosine sums of the counts, in extended precision
    k = np.arange(1, K).astype(np.longdouble)
    a = np.zeros(K-1, dtype=np.longdouble)
    for j, m in zip(cell, count):
        # reduce the angle in integers first: k(2j+1) mod 4 cells
        r = (np.arange(1, K)*(2*int(j)+1)) % (4*cells)
        a += m*np.cos(np.longdouble('3.14159265358979323846264338327950288')*r.astype(np.longdouble)/(2*cells))
    a /= len(x)
    a2 = [mp.mpf(str(v))**2 for v in a]
    def f(s, t):
        tot = mp.mpf(0)
        for kk, v in enumerate(a2, 1):
            e = kk*kk*mp.pi**2*t
            if e > 200: break
            tot += mp.mpf(kk)**(2*s)*v*mp.exp(-e)
        return 2*mp.pi**(2*s)*tot
    def g(t):
        v = f(7, t)
        for s in range(6, 1, -1):
            odd = mp.mpf(1)
            for q in range(1, 2*s, 2): odd *= q
            c = (1+mp.mpf(2)**(-s-mp.mpf(1)/2))/3
            v = f(s, (2*c*odd/(mp.sqrt(2*mp.pi)*n*v))**(mp.mpf(2)/(3+2*s)))
        return t-(2*n*mp.sqrt(mp.pi)*v)**(-mp.mpf(2)/5)
    lo = mp.mpf(4)/cells; lo = lo*lo
    hi = lo*mp.mpf('1.1')
    while g(hi) < 0: lo, hi = hi, hi*mp.mpf('1.1')
    for _ in range(70):
        m = (lo+hi)/2
        if g(m) < 0: lo = m
        else: hi = m
    return mp.sqrt(hi)*mp.mpf(float(length))

def normal(n, state):
    """The numbers that the test makes."""
    out = []
    def uniform():
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return ((state >> 11) + 0.5) / 2**53
    for _ in range(n):
        out.append(math.sqrt(-2 * math.log(uniform())) * math.cos(2 * math.pi * uniform()))
    return out

print("bimodal", mp.nstr(isj([x + (5 if i % 3 == 0 else 0) for i, x in enumerate(normal(2100, 1))]), 17))
print("rounded", mp.nstr(isj([math.floor(x * 8 + 0.5) / 8 for x in normal(300, 2)]), 17))
print("eruptions", mp.nstr(isj([float(line.split(",")[0]) for line in open(sys.argv[1]).readlines()[1:]]), 17))
