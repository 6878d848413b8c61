import type { UpstreamProtocol } from "../../registry/index.ts";
import { openInferenceWire } from "./open-inference-wire.ts";
import { jsonWire, sagemakerWire, torchserveWire } from "./plain-json-wire.ts";
import { tfServingWire } from "./tf-serving-wire.ts";
import type { UpstreamWire } from "./upstream-wire.ts";

const wires: Record<UpstreamProtocol, UpstreamWire> = {
  "open-inference": openInferenceWire, "tf-serving": tfServingWire, torchserve: torchserveWire, sagemaker: sagemakerWire, json: jsonWire,
};

export function wireOf(protocol: UpstreamProtocol): UpstreamWire {
  return wires[protocol];
}
