"""From tensors to what a model takes, and from what it answers to tensors."""

import base64
import json

from slipway_frames import NUMPY_NAMES, Tensor, count_of, numpy_or_none


class OutputError(Exception):
    """The model answered something that no tensor can hold; the message is for callers."""


class GapError(Exception):
    """The model has no answer to some of these values; the message is for callers."""


# --- inputs ------------------------------------------------------------------------------------------------------------


def model_input(layout, specs, tensors):
    """
    `layout`: `columns` (a DataFrame of one tensor a column), `frame` (a DataFrame out of one matrix), `tensor` (one array),
    `tensors` (arrays by name), `values` (a list). `specs` are {"name", "type"?, "columns"?} in the model's order.
    """
    by_name = {tensor.name: tensor for tensor in tensors}
    ordered = [(spec, by_name[spec["name"]]) for spec in specs if spec["name"] in by_name]
    if layout == "columns":
        return data_frame({spec.get("column", spec["name"]): column(tensor, spec.get("type")) for spec, tensor in ordered})
    if layout == "frame":
        spec, tensor = ordered[0]
        return matrix_frame(tensor, spec["columns"])
    if layout == "tensors":
        return {spec["name"]: array_of(tensor) for spec, tensor in ordered}
    if layout == "values":
        return list(column(ordered[0][1], ordered[0][0].get("type")))
    return array_of(ordered[0][1])


def data_frame(columns):
    try:
        import pandas
    except ImportError:
        return columns
    return pandas.DataFrame(columns)


def matrix_frame(tensor, names):
    try:
        import pandas
    except ImportError:
        width = len(names)
        return {name: tensor.data[index::width] for index, name in enumerate(names)}
    return pandas.DataFrame(tensor.data, columns=names)


def array_of(tensor):
    numpy = numpy_or_none()
    if tensor.datatype != "BYTES":
        return tensor.data if numpy is not None else nested(tensor.data, tensor.shape)
    return numpy.array(tensor.data, dtype=object).reshape(tensor.shape) if numpy is not None else nested(tensor.data, tensor.shape)


def nested(flat, shape):
    if len(shape) <= 1:
        return list(flat)
    step = count_of(shape[1:])
    return [nested(flat[row * step : (row + 1) * step], shape[1:]) for row in range(shape[0])]


def column(tensor, kind):
    """Values of one column as pandas and MLflow's signatures want them; texts of times, bytes and structures are read."""
    data = tensor.data
    if kind == "datetime":
        import pandas

        # Times of any offset, as UTC and without saying so: what MLflow's signatures call a datetime.
        return pandas.to_datetime(pandas.Series(data, dtype=object), format="ISO8601", utc=True).dt.tz_localize(None)
    if kind == "binary":
        return [base64.b64decode(text, validate=True) for text in data]
    if kind == "json":
        return [json.loads(text) for text in data]
    if isinstance(data, list):
        return data
    if data.ndim == 2 and data.shape[1] == 1 and kind != "array":
        return data[:, 0]
    return list(data) if data.ndim > 1 else data


# --- outputs -----------------------------------------------------------------------------------------------------------


def output_tensors(value, specs):
    """`specs` are the outputs of the contract, [] while they are not known. Raises OutputError."""
    named = named_values(value, [spec["name"] for spec in specs])
    tensors = [tensor_of(name, one) for name, one in named]
    if not specs:
        return tensors
    if len(tensors) == 1 and len(specs) == 1:
        tensors[0].name = specs[0]["name"]
    by_name = {tensor.name: tensor for tensor in tensors}
    missing = [spec["name"] for spec in specs if spec["name"] not in by_name]
    if missing:
        raise OutputError(f"The model did not answer {', '.join(missing)[:200]}, which its signature promises.")
    return [as_promised(by_name[spec["name"]], spec["datatype"]) for spec in specs]


def named_values(value, names):
    """[(name, values)] of whatever a model returns."""
    if is_from(value, "pandas") and type(value).__name__ == "DataFrame":
        columns = list(value.columns)
        texts = [str(one) for one in columns]
        # Columns without names of their own are those of the signature, in their order.
        if all(isinstance(one, int) for one in columns):
            texts = names if len(names) == len(columns) else [f"output-{index}" for index in range(len(columns))]
        return [(name, value.iloc[:, index]) for index, name in enumerate(texts)]
    if is_from(value, "pandas") and type(value).__name__ == "Series":
        return [(names[0] if len(names) == 1 else str(value.name or "output"), value)]
    if isinstance(value, dict):
        return [(str(name), one) for name, one in value.items()]
    if isinstance(value, tuple):
        return [(names[index] if len(names) == len(value) else f"output-{index}", one) for index, one in enumerate(value)]
    if is_from(value, "scipy") and hasattr(value, "toarray"):
        value = value.toarray()
    value = from_framework(value)
    if is_from(value, "numpy") and getattr(value, "dtype", None) is not None and value.dtype.names:
        return [(name, value[name]) for name in value.dtype.names]
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        keys = list(value[0])
        if all(list(one) == keys for one in value):
            return [(str(key), [one[key] for one in value]) for key in keys]
    if len(names) > 1 and is_from(value, "numpy") and value.ndim == 2 and value.shape[1] == len(names):
        return [(name, value[:, index]) for index, name in enumerate(names)]
    return [(names[0] if len(names) == 1 else "output", value)]


def is_from(value, package):
    return type(value).__module__.split(".")[0] == package


def from_framework(value):
    """Tensors of PyTorch and TensorFlow as arrays."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        return value.float().numpy() if str(value.dtype) == "torch.bfloat16" else value.numpy()
    if is_from(value, "tensorflow") and hasattr(value, "numpy"):
        return value.numpy()
    return value


def tensor_of(name, value):
    numpy = numpy_or_none()
    value = from_framework(value)
    if numpy is None:
        return plain_tensor(name, value)
    if is_from(value, "pandas"):
        value = series_values(value)
    try:
        array = value if isinstance(value, numpy.ndarray) else numpy.asarray(value)
    except ValueError:
        return texts_tensor(name, list(value))  # Rows of different lengths: each as JSON.
    if array.dtype.kind == "O" and isinstance(value, (list, tuple)) and array.ndim > 1:
        return texts_tensor(name, list(value))
    if array.ndim == 0:
        array = array.reshape(1)
    kind = array.dtype.kind
    if kind == "M":
        return texts_tensor(name, [None if text == "NaT" else text for text in numpy.datetime_as_string(array.astype("datetime64[ms]")).reshape(-1)], array.shape)
    if kind == "O":
        array = narrowed(numpy, array)
        kind = array.dtype.kind
    if kind in "OUST":
        return texts_tensor(name, array.reshape(-1).tolist(), array.shape)
    if kind == "f" and array.dtype.itemsize > 8:
        array = array.astype("float64")
    datatype = next((key for key, numpy_name in NUMPY_NAMES.items() if array.dtype == numpy.dtype(numpy_name)), None)
    if datatype is None:
        raise OutputError(f"The model answered values of the type {array.dtype.name[:60]} as {name[:100]}, which no datatype holds.")
    return Tensor(name, datatype, array.shape, array.astype(NUMPY_NAMES[datatype], copy=False))


def series_values(series):
    """Of pandas' own types: numbers with gaps become floats with NaN, categories their values."""
    kind = str(series.dtype)
    if kind == "category":
        return series.astype(series.cat.categories.dtype).to_numpy()
    if kind[:1] in ("I", "U", "F") and kind[-1:].isdigit():
        return series.to_numpy(dtype="float64", na_value=float("nan")) if series.isna().any() else series.to_numpy(dtype=kind.lower())
    if kind == "boolean" and not series.isna().any():
        return series.to_numpy(dtype="bool")
    if "datetime64" in kind and getattr(series.dt, "tz", None) is not None:
        return series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    return series.to_numpy()


def narrowed(numpy, array):
    """Objects that are all numbers or all truth values as such."""
    flat = array.reshape(-1).tolist()
    if flat and all(isinstance(one, (bool, numpy.bool_)) for one in flat):
        return array.astype(bool)
    if flat and all(isinstance(one, (int, numpy.integer)) and not isinstance(one, bool) for one in flat):
        return array.astype("int64")
    if flat and all(one is None or isinstance(one, (int, float, numpy.number)) and not isinstance(one, bool) for one in flat):
        return array.astype("float64")
    return array


def plain_tensor(name, value):
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    rows = len(items)
    width = []
    if items and all(isinstance(one, (list, tuple)) and len(one) == len(items[0]) for one in items):
        width, items = [len(items[0])], [one for row in items for one in row]
    if all(isinstance(one, bool) for one in items):
        return Tensor(name, "BOOL", [rows, *width], items)
    if all(isinstance(one, int) for one in items):
        return Tensor(name, "INT64", [rows, *width], items)
    if all(isinstance(one, (int, float)) for one in items):
        return Tensor(name, "FP64", [rows, *width], [float(one) for one in items])
    return texts_tensor(name, items, [rows, *width])


def texts_tensor(name, items, shape=None):
    return Tensor(name, "BYTES", list(shape) if shape is not None else [len(items)], [text_of(one) for one in items])


def text_of(value):
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return ""
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, default=json_value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def json_value(value):
    return value.tolist() if hasattr(value, "tolist") else str(value)


def as_promised(tensor, datatype):
    """The datatype of the signature, where the model answered another kind of number (a sum of whole numbers, say)."""
    if tensor.datatype == datatype:
        return tensor
    if datatype == "BYTES":
        flat = tensor.data if isinstance(tensor.data, list) else tensor.data.reshape(-1).tolist()
        return texts_tensor(tensor.name, flat, tensor.shape)
    if tensor.datatype == "BYTES":
        raise OutputError(f"The model answered texts as {tensor.name[:100]}; its signature promises {datatype}.")
    if numpy_or_none() is None:
        convert = bool if datatype == "BOOL" else float if datatype.startswith("FP") else int
        return Tensor(tensor.name, datatype, tensor.shape, [convert(one) for one in tensor.data])
    if tensor.datatype.startswith("FP") and not datatype.startswith("FP") and not numpy_or_none().isfinite(tensor.data).all():
        raise GapError(f"The model answered missing values as {tensor.name[:100]}; its signature promises {datatype}.")
    return Tensor(tensor.name, datatype, tensor.shape, tensor.data.astype(NUMPY_NAMES[datatype]))
