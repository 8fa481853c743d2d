"""What a model's pickle may import: classes and a few functions that do nothing but put data together.

A package is on the list for its classes, which have names that begin with a capital; never a function, unless it is
listed by its name, and never a name with a dot, which reaches through one thing into another.
"""

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

_CLASS = re.compile(r"_?[A-Z](?![A-Z0-9]*_)[A-Za-z0-9_]*|__pyx_unpickle_[A-Z][A-Za-z0-9_]*")
_KEPT_OUT = frozenset({
    "tests", "testing", "_testing", "test", "datasets", "externals", "experimental", "conftest", "parallel", "fixes",
    "callback", "tracker", "dask", "spark", "federated", "_joblib", "computation", "io", "_testutils", "cli",
    "_test_common", "_available_if", "estimator_checks", "_min_dependencies", "plotting", "_plot",
})  # fmt: skip
"""Modules whose classes do more than hold data: they start processes, read files, reach the network."""
_PACKAGES = ("sklearn", "imblearn")
_MODULES = ("numpy.dtypes", "torch.nn.modules")
_MATHS = (
    "abs absolute add arccos arcsin arctan array asarray average cbrt ceil clip cos cosh deg2rad divide exp exp2 expm1 "
    "floor log log10 log1p log2 max maximum mean median min minimum multiply negative nan_to_num power prod "
    "rad2deg reciprocal rint round sign sin sinh sqrt square std subtract sum tan tanh trunc var"
)
_NUMBERS = (
    "bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 intp uintp float16 float32 float64 longdouble "
    "complex64 complex128 clongdouble datetime64 timedelta64 str_ bytes_ void object_"
)
_BUILTINS = (
    "object set frozenset slice complex bytearray range list dict tuple int float str bool bytes NoneType"
)
_CORE = "_reconstruct scalar"
_NAMES = {
    "builtins": _BUILTINS,
    "__builtin__": f"{_BUILTINS} unicode long xrange",
    "copyreg": "_reconstructor",
    "copy_reg": "_reconstructor",
    "_codecs": "encode",
    "functools": "partial",
    "collections": "OrderedDict defaultdict Counter deque",
    "datetime": "datetime date time timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "uuid": "UUID",
    "types": "SimpleNamespace",
    "pathlib": "Path PosixPath PurePosixPath WindowsPath PureWindowsPath",
    "pathlib._local": "Path PosixPath PurePosixPath WindowsPath PureWindowsPath",
    "numpy": f"ndarray dtype matrix memmap {_NUMBERS} {_MATHS}",
    "numpy.core.multiarray": _CORE,
    "numpy._core.multiarray": _CORE,
    "numpy.core.numeric": "_frombuffer",
    "numpy._core.numeric": "_frombuffer",
    "numpy.ma": "MaskedArray",
    "numpy.ma.core": "MaskedArray _mareconstruct",
    "numpy.matrixlib.defmatrix": "matrix",
    "numpy.random._pickle": "__randomstate_ctor __generator_ctor __bit_generator_ctor",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64 PCG64DXSM",
    "numpy.random._philox": "Philox",
    "numpy.random._sfc64": "SFC64",
    "numpy.random.bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
    "numpy.random.mtrand": "RandomState",
    "joblib.numpy_pickle": "NumpyArrayWrapper",
    "sklearn.metrics._dist_metrics": "newObj",
    "sklearn.neighbors._ball_tree": "newObj",
    "sklearn.neighbors._kd_tree": "newObj",
    "sklearn.utils.validation": "check_array",
    "sklearn.preprocessing._function_transformer": "_identity",
    "sklearn.compose._column_transformer": "make_column_selector",
    "sklearn.metrics._classification": (
        "accuracy_score balanced_accuracy_score brier_score_loss cohen_kappa_score f1_score fbeta_score jaccard_score "
        "log_loss matthews_corrcoef precision_score recall_score"
    ),
    "sklearn.metrics._ranking": "average_precision_score ndcg_score roc_auc_score",
    "sklearn.metrics._regression": (
        "explained_variance_score max_error mean_absolute_error mean_absolute_percentage_error mean_pinball_loss "
        "mean_squared_error mean_squared_log_error median_absolute_error r2_score root_mean_squared_error"
    ),
    "sklearn.feature_selection._univariate_selection": "chi2 f_classif f_oneway f_regression r_regression",
    "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    "sklearn.cluster._kmeans": "_kmeans_single_lloyd _kmeans_single_elkan",
    "xgboost.core": "Booster",
    "xgboost.sklearn": ("XGBClassifier XGBRegressor XGBRanker XGBRFClassifier XGBRFRegressor XGBModel"),
    "lightgbm.basic": "Booster",
    "lightgbm.sklearn": "LGBMClassifier LGBMRegressor LGBMRanker LGBMModel",
    "catboost.core": "CatBoost CatBoostClassifier CatBoostRegressor CatBoostRanker",
    "scipy.interpolate._bsplines": "BSpline",
    "scipy.interpolate._interpolate": "PPoly BPoly",
    "scipy.interpolate._cubic": "CubicSpline PchipInterpolator Akima1DInterpolator",
    "scipy.interpolate._fitpack2": "UnivariateSpline",
    "scipy.interpolate": "interp1d",
    "scipy._lib.array_api_compat.numpy._aliases": "asarray",
    "scipy.sparse._csr": "csr_matrix csr_array",
    "scipy.sparse._csc": "csc_matrix csc_array",
    "scipy.sparse._coo": "coo_matrix coo_array",
    "scipy.spatial._ckdtree": "cKDTree",
    "scipy.spatial._kdtree": "KDTree",
    "scipy.optimize._optimize": "OptimizeResult",
    "scipy.optimize._lbfgsb_py": "LbfgsInvHessProduct",
    "scipy._lib._bunch": "_make_tuple_bunch",
    "pandas.core.frame": "DataFrame",
    "pandas.core.series": "Series",
    "pandas.core.internals.managers": "BlockManager SingleBlockManager",
    "pandas._libs.internals": "_unpickle_block",
    "pandas._libs.tslibs.timestamps": "_unpickle_timestamp Timestamp",
    "pandas._libs.tslibs.timedeltas": "_timedelta_unpickle Timedelta",
    "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
    "pandas": "Timestamp Timedelta Interval Categorical Index RangeIndex MultiIndex CategoricalDtype StringDtype",
    "pandas.core.indexes.base": "_new_Index Index",
    "pandas.core.indexes.range": "RangeIndex",
    "pandas.core.indexes.multi": "MultiIndex",
    "pandas.core.indexes.datetimes": "_new_DatetimeIndex DatetimeIndex",
    "pandas.core.indexes.frozen": "FrozenList",
    "pandas.core.arrays.categorical": "Categorical",
    "pandas.core.arrays.string_": "StringArray StringDtype",
    "pandas.core.arrays.datetimes": "DatetimeArray",
    "pandas.core.dtypes.dtypes": "CategoricalDtype DatetimeTZDtype IntervalDtype PeriodDtype",
    "torch": (
        "Size device dtype float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 bool Tensor FloatStorage "
        "DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage ByteStorage "
        "BoolStorage"
    ),
    "torch._utils": "_rebuild_tensor _rebuild_tensor_v2 _rebuild_parameter",
    "torch.nn.parameter": "Parameter",
    "torch.storage": "UntypedStorage TypedStorage",
}
_EXACT = frozenset((module, name) for module, names in _NAMES.items() for name in names.split())


def permits(more: Sequence[str] = ()) -> Callable[[str, str], bool]:
    """Whether a pickle may import a name of a module: one of the list, or of `more`, in which `src.features.Ratio` is
    one name, and `mypackage.*` all that begin so. In a pattern, too, a name has no dot."""

    def allowed(module: str, name: str) -> bool:
        if (module, name) in _EXACT or f"{module}.{name}" in more:
            return True
        if not name.isidentifier():
            return False
        if any(fnmatchcase(f"{module}.{name}", pattern) for pattern in more):
            return True
        parts = module.split(".")
        listed = parts[0] in _PACKAGES or any(f"{module}.".startswith(f"{each}.") for each in _MODULES)
        return listed and not _KEPT_OUT.intersection(parts) and _CLASS.fullmatch(name) is not None

    return allowed
