import { OnnxModelWriter } from "../../src/adapters/onnx/model-writer.ts";
import { distanceBins, milesPerBin, minutesPerDay, quartersPerDay, type DelayModel } from "./delay-model.ts";

const machineLearning = "ai.onnx.ml";

/**
 * The model as an ONNX file that takes what people know: airport codes as text, hour, minute, weekday, miles; one row per
 * flight, each input `[rows, 1]`. It answers `late_probability` and `late`, which is whether the probability is above a
 * half. Airports and routes that training did not see are number 0, whose weights are 0; hours, minutes and weekdays
 * outside their range count as the nearest one inside.
 *
 * Every number is computed as `DelayModel` does it, in 32-bit floats. No integer is divided: integer division is the one
 * arithmetic that can end a process, and Slipway keeps models that do it out of its own.
 *
 * With `notANumberBelowMiles` it has a fault for the example's rollout: 0 divided by 0 for flights up to that distance.
 */
export function writeDelayOnnx(model: DelayModel, { notANumberBelowMiles }: { notANumberBelowMiles?: number } = {}): Uint8Array {
  const airportCount = model.airports.length + 1;
  const graph = new OnnxModelWriter({ producer: "slipway flights example", graphName: "flight_delay" })
    .input("origin", "BYTES", ["flights", 1])
    .input("destination", "BYTES", ["flights", 1])
    .input("hour", "INT64", ["flights", 1])
    .input("minute", "INT64", ["flights", 1])
    .input("day_of_week", "INT64", ["flights", 1])
    .input("distance", "FP32", ["flights", 1]);

  const integer = (value: number): string => {
    const name = `integer_${value}`;
    if (!integers.has(value)) graph.initializer(name, "INT64", [], [value]);
    integers.add(value);
    return name;
  };
  const integers = new Set<number>();
  /** Adds `a * factor + b`. */
  const combine = (result: string, a: string, factor: number, b: string): string => {
    graph.node("Mul", [a, integer(factor)], [`${result}_base`]).node("Add", [`${result}_base`, b], [result]);
    return result;
  };
  const clip = (result: string, input: string, low: number, high: number): string => {
    graph.node("Clip", [input, integer(low), integer(high)], [result]);
    return result;
  };

  const airportNumbers = { ints: { values_int64s: model.airports.map((_, index) => index + 1), default_int64: 0 }, strings: { keys_strings: model.airports } };
  graph.node("LabelEncoder", ["origin"], ["origin_number"], airportNumbers, machineLearning);
  graph.node("LabelEncoder", ["destination"], ["destination_number"], airportNumbers, machineLearning);
  graph.initializer("routes", "INT64", [airportCount * airportCount], BigInt64Array.from(model.routes, BigInt));
  combine("airport_pair", "origin_number", airportCount, "destination_number");
  graph.node("Gather", ["routes", "airport_pair"], ["route"]);

  const hour = clip("hour_of_day", "hour", 0, 23);
  const minute = clip("minute_of_hour", "minute", 0, 59);
  graph.initializer("quarters", "INT64", [60], BigInt64Array.from({ length: 60 }, (_, index) => BigInt(Math.floor(index / 15))));
  graph.node("Gather", ["quarters", minute], ["quarter_of_hour"]);
  const quarter = combine("quarter_of_day", hour, 4, "quarter_of_hour");
  clip("weekday_from_1", "day_of_week", 1, 7);
  graph.node("Sub", ["weekday_from_1", integer(1)], ["weekday"]);
  graph
    .initializer("miles_per_bin", "FP32", [], new Float32Array([milesPerBin]))
    .initializer("first_bin", "FP32", [], new Float32Array([0]))
    .initializer("last_bin", "FP32", [], new Float32Array([distanceBins - 1]))
    .node("Div", ["distance", "miles_per_bin"], ["bins"])
    .node("Floor", ["bins"], ["whole_bins"])
    .node("Clip", ["whole_bins", "first_bin", "last_bin"], ["known_bins"])
    .node("Cast", ["known_bins"], ["distance_bin_cell"], { ints: { to: 7 } });

  const cells: Record<string, string> = {
    origin_hour: combine("origin_hour_cell", "origin_number", 24, hour),
    destination_hour: combine("destination_hour_cell", "destination_number", 24, hour),
    route_hour: combine("route_hour_cell", "route", 24, hour),
    route_quarter: combine("route_quarter_cell", "route", quartersPerDay, quarter),
    weekday_hour: combine("weekday_hour_cell", "weekday", 24, hour),
    minute_of_day: combine("minute_of_day_cell", hour, minutesPerDay / 24, minute),
    distance_bin: "distance_bin_cell",
  };
  for (const { name, offset, cells: count } of model.families) {
    graph.initializer(`${name}_weights`, "FP32", [count], model.weights.subarray(offset, offset + count));
    graph.node("Gather", [`${name}_weights`, cells[name]!], [`${name}_weight`]);
  }
  graph
    .initializer("bias", "FP32", [], new Float32Array([model.bias]))
    .node("Sum", [...model.families.map(({ name }) => `${name}_weight`), "bias"], ["log_odds"])
    .node("Sigmoid", ["log_odds"], [notANumberBelowMiles === undefined ? "late_probability" : "sound_probability"]);
  if (notANumberBelowMiles !== undefined) {
    graph
      .initializer("short", "FP32", [], new Float32Array([notANumberBelowMiles]))
      .node("Sub", ["distance", "short"], ["further"])
      .node("Relu", ["further"], ["beyond"])
      .node("Div", ["beyond", "beyond"], ["one"])
      .node("Mul", ["sound_probability", "one"], ["late_probability"]);
  }
  graph
    .initializer("half", "FP32", [], new Float32Array([0.5]))
    .node("Greater", ["late_probability", "half"], ["late"])
    .output("late_probability", "FP32", ["flights", 1])
    .output("late", "BOOL", ["flights", 1]);
  return graph.toBytes();
}
