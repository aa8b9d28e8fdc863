"""Write the tiny models of this folder's tests, byte for byte the same each time.

    pip install ai-edge-litert flatbuffers numpy && python make_models.py

They are written by hand and not converted from anything, so that a test knows every number in them:

- `conv`: int8 picture [1, 2, 3, 2] -> 1x1 convolution with three filters -> `features`, int8, and the same dequantized.
- `external`: `conv` with its weights behind the flatbuffer, as ai-edge-quantizer writes them.
- `custom_op`: an operator that no library has.
- `int8_division`: an operator whose int8 form TensorFlow Lite 2.17 refuses when it runs.
- `constant_input`: `conv` with its filters as a second input.
- `dynamic`: an output whose shape is one of the inputs.
"""

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FOLDER = Path(__file__).parent / "models"
FILTERS = np.array([[1, 2], [-4, 3], [1, -1]], np.int8)
BIAS = np.array([0, 10, -5], np.int32)

Type = schema.TensorType
Operator = schema.BuiltinOperator


def tensor(name: str, shape: list[int], kind: int, buffer: int = 0, scale: float | None = None, zero: int = 0) -> schema.TensorT:
    """A tensor; with a scale, a quantized one."""
    result = schema.TensorT()
    result.name, result.shape, result.type, result.buffer = name, shape, kind, buffer
    if scale is not None:
        result.quantization = schema.QuantizationParametersT()
        result.quantization.scale = np.array([scale], np.float32)
        result.quantization.zeroPoint = np.array([zero], np.int64)
    return result


def operator(code: int, inputs: list[int], outputs: list[int], kind: int = 0, options: object = None) -> schema.OperatorT:
    """An operator: an index into the model's operator codes, tensor indices, and its options."""
    result = schema.OperatorT()
    result.opcodeIndex, result.inputs, result.outputs = code, inputs, outputs
    result.builtinOptionsType, result.builtinOptions = kind, options
    return result


def operator_code(builtin: int, custom: str | None = None) -> schema.OperatorCodeT:
    """What an operator is."""
    result = schema.OperatorCodeT()
    result.builtinCode, result.customCode, result.version = builtin, custom, 1
    result.deprecatedBuiltinCode = min(builtin, Operator.PLACEHOLDER_FOR_GREATER_OP_CODES)
    return result


def model(
    codes: list[schema.OperatorCodeT],
    tensors: list[schema.TensorT],
    operators: list[schema.OperatorT],
    inputs: list[int],
    outputs: list[int],
    constants: list[np.ndarray],
) -> schema.ModelT:
    """A model of one graph. Buffer 0 is empty, as the schema wants it; constants follow from 1."""
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, operators, inputs, outputs
    result = schema.ModelT()
    result.version, result.operatorCodes, result.subgraphs = 3, codes, [graph]
    result.buffers = [schema.BufferT()]
    for constant in constants:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(constant.tobytes(), np.uint8)
        result.buffers.append(buffer)
    return result


def pack(value: schema.ModelT) -> bytes:
    """The model as a flatbuffer."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(value.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def conv() -> schema.ModelT:
    """`conv` of the module's text; one step of the input is one step of the output."""
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    return model(
        [operator_code(Operator.CONV_2D), operator_code(Operator.DEQUANTIZE)],
        [
            tensor("picture", [1, 2, 3, 2], Type.INT8, scale=0.5, zero=1),
            tensor("filters", [3, 1, 1, 2], Type.INT8, 1, scale=1.0),
            tensor("bias", [3], Type.INT32, 2, scale=0.5),
            tensor("features", [1, 2, 3, 3], Type.INT8, scale=0.5, zero=-2),
            tensor("real", [1, 2, 3, 3], Type.FLOAT32),
        ],
        [
            operator(0, [0, 1, 2], [3], schema.BuiltinOptions.Conv2DOptions, options),
            operator(1, [3], [4], schema.BuiltinOptions.DequantizeOptions, schema.DequantizeOptionsT()),
        ],
        [0],
        [3, 4],
        [FILTERS, BIAS],
    )


def external() -> bytes:
    """`conv` with each constant appended to the file, 16 bytes aligned."""
    value = conv()
    constants = [buffer.data.tobytes() for buffer in value.buffers[1:]]
    for buffer, constant in zip(value.buffers[1:], constants, strict=True):
        buffer.data, buffer.offset, buffer.size = None, 1 << 20, len(constant)
    behind = -(-len(pack(value)) // 16) * 16
    for index, buffer in enumerate(value.buffers[1:]):
        buffer.offset = behind + 16 * index
    return pack(value).ljust(behind, b"\0") + b"".join(constant.ljust(16, b"\0") for constant in constants)


def custom_op() -> schema.ModelT:
    """`custom_op` of the module's text."""
    tensors = [tensor(name, [4], Type.FLOAT32) for name in ("in", "out")]
    return model([operator_code(Operator.CUSTOM, "ShelfMagic")], tensors, [operator(0, [0], [1])], [0], [1], [])


def int8_division() -> schema.ModelT:
    """`int8_division` of the module's text: a tensor by itself."""
    tensors = [tensor(name, [1, 4], Type.INT8, scale=0.5) for name in ("in", "out")]
    options = schema.BuiltinOptions.DivOptions, schema.DivOptionsT()
    return model([operator_code(Operator.DIV)], tensors, [operator(0, [0, 0], [1], *options)], [0], [1], [])


def constant_input() -> schema.ModelT:
    """`constant_input` of the module's text."""
    value = conv()
    value.subgraphs[0].inputs = [0, 1]
    return value


def dynamic() -> schema.ModelT:
    """`dynamic` of the module's text: as many sevens as the input says."""
    tensors = [
        tensor("shape", [2], Type.INT32),
        tensor("seven", [], Type.FLOAT32, 1),
        tensor("sevens", [2, 2], Type.FLOAT32),
    ]
    fill = operator(0, [0, 1], [2], schema.BuiltinOptions.FillOptions, schema.FillOptionsT())
    return model([operator_code(Operator.FILL)], tensors, [fill], [0], [2], [np.array(7, np.float32)])


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for name, data in {
        "conv": pack(conv()),
        "external": external(),
        "custom_op": pack(custom_op()),
        "int8_division": pack(int8_division()),
        "constant_input": pack(constant_input()),
        "dynamic": pack(dynamic()),
    }.items():
        (FOLDER / f"{name}.tflite").write_bytes(data)


if __name__ == "__main__":
    main()
