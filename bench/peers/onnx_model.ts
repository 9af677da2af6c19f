/** A forward block as an ONNX model. Source: https://github.com/onnx/onnx/blob/main/docs/IR.md and onnx.proto. */
import type { Sizes } from "../../variants/variant.ts";

/** The part of protobuf.js that is used. */
export interface Protobuf {
  Root: {
    fromJSON(schema: unknown): {
      lookupType(name: string): { encode(message: unknown): { finish(): Uint8Array } };
    };
  };
}

/** ONNX's numbers of element types. */
const ELEMENT_TYPES = { float32: 1, float16: 10 } as const;

/** The operator set of the model. MatMul, Sigmoid and Mul have not changed since. */
const OPERATOR_SET = 13;

/** The version of the format that came with the operator set. */
const IR_VERSION = 7;

const field = (id: number, type: string) => ({ id, type });
const list = (id: number, type: string) => ({ id, type, rule: "repeated" });

/** The part of ONNX's schema that the model needs. */
const SCHEMA = {
  nested: {
    Model: {
      fields: { irVersion: field(1, "int64"), graph: field(7, "Graph"), opsetImport: list(8, "Opset") },
    },
    Opset: { fields: { domain: field(1, "string"), version: field(2, "int64") } },
    Graph: {
      fields: {
        node: list(1, "Node"),
        name: field(2, "string"),
        input: list(11, "Value"),
        output: list(12, "Value"),
      },
    },
    Node: { fields: { input: list(1, "string"), output: list(2, "string"), opType: field(4, "string") } },
    Value: { fields: { name: field(1, "string"), type: field(2, "Type") } },
    Type: { fields: { tensorType: field(1, "TensorType") } },
    TensorType: { fields: { elemType: field(1, "int32"), shape: field(2, "Shape") } },
    Shape: { fields: { dim: list(1, "Dimension") } },
    Dimension: { fields: { dimValue: field(1, "int64") } },
  },
};

/** Encodes y = (silu(x gate) * (x up)) down with x, gate, up and down as inputs. */
export function swigluModel(
  protobuf: Protobuf,
  { tokens, dim, hiddenDim, dtype }: Sizes & { dtype: keyof typeof ELEMENT_TYPES },
): Uint8Array {
  const value = (name: string, ...shape: number[]) => ({
    name,
    type: {
      tensorType: { elemType: ELEMENT_TYPES[dtype], shape: { dim: shape.map((dimValue) => ({ dimValue })) } },
    },
  });
  const node = (output: string, opType: string, ...input: string[]) => ({ opType, input, output: [output] });
  return protobuf.Root.fromJSON(SCHEMA).lookupType("Model").encode({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: "", version: OPERATOR_SET }],
    graph: {
      name: "swiglu",
      input: [
        value("x", tokens, dim),
        value("gate", dim, hiddenDim),
        value("up", dim, hiddenDim),
        value("down", hiddenDim, dim),
      ],
      output: [value("y", tokens, dim)],
      node: [
        node("g", "MatMul", "x", "gate"),
        node("u", "MatMul", "x", "up"),
        node("s", "Sigmoid", "g"),
        node("a", "Mul", "g", "s"),
        node("h", "Mul", "a", "u"),
        node("y", "MatMul", "h", "down"),
      ],
    },
  }).finish();
}
