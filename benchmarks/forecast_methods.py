"""Other ways to say where a month ends: what people do by hand, and what well-kept libraries offer.

Each takes the total of every day known, oldest first, the number of days of this month among them, the number still to
come and the total of last month, and gives what the days to come will cost: low, middle, high (the range should hold in
80 of 100 cases; None: it has none).
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.float64]
Rest = tuple[float | None, float, float | None]
Way = Callable[[Days, int, int, float | None], Rest | None]

EDGE = 1.2816  # standard deviations from the mean to the 90th percentile
LOOK_BACK = 180
WAYS = 500


def run_rate(days: Days, gone: int, left: int, last_month: float | None) -> Rest:
    """Month to date / days x days; its band is what independent days would scatter."""
    return _scattered(days[-gone:].mean() * left, days[-gone:], left)


def last_seven(days: Days, gone: int, left: int, last_month: float | None) -> Rest:
    """The mean of the last seven days, for all days to come."""
    return _scattered(days[-7:].mean() * left, days[-28:], left)


def last_month(days: Days, gone: int, left: int, last_month: float | None) -> Rest | None:
    """As much as last month."""
    return None if last_month is None else (None, last_month - float(days[-gone:].sum()), None)


def seasonal_naive(days: Days, gone: int, left: int, last_month: float | None) -> Rest | None:
    """Last week again and again; its band from how far weeks lay from the week before, day by day."""
    if len(days) < 14:
        return None
    middle = float(sum(days[-7 + n % 7] for n in range(left)))
    band = EDGE * float((days[7:] - days[:-7])[-56:].std()) * np.sqrt(left)
    return middle - band, middle, middle + band


def _scattered(middle: float, days: Days, left: int) -> Rest:
    band = EDGE * float(days.std()) * np.sqrt(left)
    return float(middle) - band, float(middle), float(middle) + band


def holt_winters(days: Days, gone: int, left: int, last_month: float | None) -> Rest | None:
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    if len(days) < 21:
        return None
    model = ExponentialSmoothing(
        days[-LOOK_BACK:], seasonal="add", seasonal_periods=7, initialization_method="estimated"
    ).fit()
    return _simulated(model.simulate(left, repetitions=WAYS, rng=7), float(np.sum(model.forecast(left))))


def ets(days: Days, gone: int, left: int, last_month: float | None) -> Rest | None:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    if len(days) < 21:
        return None
    model = ETSModel(
        days[-LOOK_BACK:], error="add", trend="add", damped_trend=True, seasonal="add", seasonal_periods=7
    ).fit(disp=0)
    ways = model.simulate(left, anchor="end", repetitions=WAYS, rng=7)
    return _simulated(ways, float(np.sum(model.forecast(left))))


def local_level(days: Days, gone: int, left: int, last_month: float | None) -> Rest | None:
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    if len(days) < 21:
        return None
    scale = float(np.abs(days[-LOOK_BACK:]).mean()) or 1.0
    model = UnobservedComponents(
        days[-LOOK_BACK:] / scale,
        "local level",
        freq_seasonal=[{"period": 7, "harmonics": 3}],
        stochastic_freq_seasonal=[False],
    ).fit(disp=0, maxiter=50)
    seen = model.get_forecast(left)
    # The variance of a sum of coming days: what the level carries on, and each day's own noise.
    level, noise = model.params[1], model.params[0]
    now = float(model.filtered_state_cov[0, 0, -1])
    variance = left**2 * now + level * sum(n**2 for n in range(1, left + 1)) + noise * left
    middle, band = float(np.sum(seen.predicted_mean)), EDGE * float(np.sqrt(max(variance, 0)))
    return (middle - band) * scale, middle * scale, (middle + band) * scale


def stl(days: Days, gone: int, left: int, last_month: float | None) -> Rest | None:
    from statsmodels.tsa.arima.model import ARIMA
    from statsmodels.tsa.forecasting.stl import STLForecast

    if len(days) < 21:
        return None
    model = STLForecast(days[-LOOK_BACK:], ARIMA, model_kwargs={"order": (0, 1, 1)}, period=7, robust=True).fit()
    return None, float(np.sum(model.forecast(left))), None


def auto_ets(days: Days, gone: int, left: int, last_month: float | None) -> Rest | None:
    from statsforecast.models import AutoETS

    return None if len(days) < 21 else _of_days(AutoETS(season_length=7), days, left)


def theta(days: Days, gone: int, left: int, last_month: float | None) -> Rest | None:
    from statsforecast.models import DynamicOptimizedTheta

    return None if len(days) < 21 else _of_days(DynamicOptimizedTheta(season_length=7), days, left)


def _of_days(model: object, days: Days, left: int) -> Rest:
    """It gives ranges of single days only, and these do not add up to one of their sum."""
    seen = model.forecast(y=days[-LOOK_BACK:].astype(float), h=left)["mean"]  # type: ignore[attr-defined]
    return None, float(np.sum(seen)), None


def _simulated(ways: Days, middle: float) -> Rest:
    ends = np.asarray(ways).reshape(-1, WAYS).sum(0)
    low, high = np.quantile(ends, [0.1, 0.9])
    return float(low), middle, float(high)


BASELINES: dict[str, Way] = {
    "run rate (month to date a day)": run_rate,
    "last month": last_month,
    "last 7 days": last_seven,
    "seasonal naive (last week)": seasonal_naive,
}


def libraries() -> dict[str, Way]:
    """Those that are installed here."""
    found: dict[str, Way] = {}
    if importlib.util.find_spec("statsmodels"):
        found |= {
            "statsmodels Holt-Winters": holt_winters,
            "statsmodels ETS(A,Ad,A)": ets,
            "statsmodels local level + week": local_level,
            "statsmodels STL + ARIMA(0,1,1)": stl,
        }
    if importlib.util.find_spec("statsforecast"):
        found |= {"statsforecast AutoETS": auto_ets, "statsforecast Theta": theta}
    warnings.simplefilter("ignore")  # they warn where an optimum was not found; the figures tell how much that matters
    return found
