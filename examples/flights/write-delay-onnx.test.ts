import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { featuresOf, periods, readFlights, type FlightFeatures, type FlightTable } from "./dataset.ts";
import type { DelayModel } from "./delay-model.ts";
import { calibrate, fitDelayModel } from "./fit-delay-model.ts";
import { oneRowOff } from "./retrain.ts";
import { scoresOf } from "./scores.ts";
import { writeDelayOnnx } from "./write-delay-onnx.ts";

describe("the delay model as ONNX", () => {
  let heldOut: FlightTable;
  let model: DelayModel;
  let session: InferenceSession;

  before(async () => {
    heldOut = await readFlights(periods.heldOut, { every: 100 });
    model = fitDelayModel(await readFlights(periods.training, { every: 25 }));
    calibrate(model, await readFlights(periods.validation, { every: 20 }));
    session = await InferenceSession.create(writeDelayOnnx(model));
  });
  after(() => session.release());

  async function run(flights: readonly FlightFeatures[], asked = session): Promise<{ probabilities: Float32Array; late: Uint8Array; dims: readonly number[] }> {
    const shape = [flights.length, 1];
    const integers = (name: "hour" | "minute" | "day_of_week"): Tensor => new Tensor("int64", BigInt64Array.from(flights, (flight) => BigInt(flight[name])), shape);
    const outputs = await asked.run({
      origin: new Tensor("string", flights.map((flight) => flight.origin), shape),
      destination: new Tensor("string", flights.map((flight) => flight.destination), shape),
      hour: integers("hour"),
      minute: integers("minute"),
      day_of_week: integers("day_of_week"),
      distance: new Tensor("float32", Float32Array.from(flights, (flight) => flight.distance), shape),
    });
    const probability = outputs["late_probability"]!;
    return { probabilities: probability.data as Float32Array, late: outputs["late"]!.data as Uint8Array, dims: probability.dims };
  }

  it("predicts what the TypeScript model predicts, within 0.00001, on thousands of later flights", async () => {
    const flights = Array.from({ length: heldOut.rows }, (_, row) => featuresOf(heldOut, row));
    assert.ok(flights.length > 10_000);
    const { probabilities, late, dims } = await run(flights);
    assert.deepEqual(dims, [flights.length, 1]);
    const expected = model.predict(heldOut);
    let largest = 0, lateRows = 0;
    for (let row = 0; row < heldOut.rows; row++) {
      largest = Math.max(largest, Math.abs(probabilities[row]! - expected[row]!));
      assert.equal(late[row], probabilities[row]! > 0.5 ? 1 : 0);
      lateRows += late[row]!;
    }
    assert.ok(largest < 1e-5, `the largest difference is ${largest}`);
    assert.ok(lateRows > 0 && lateRows < heldOut.rows);
  });

  it("takes airports that it does not know, and values at and beyond the edges", async () => {
    const flight = featuresOf(heldOut, 0);
    const inside: FlightFeatures[] = [
      { ...flight, origin: "XXX" }, { ...flight, destination: "" }, { ...flight, origin: "ünbekannt", destination: "XXX" },
      { ...flight, hour: 0, minute: 0, day_of_week: 1, distance: 0 }, { ...flight, hour: 23, minute: 59, day_of_week: 7, distance: 4999 },
      { ...flight, distance: 124.99 }, { ...flight, distance: 125 }, { ...flight, distance: 1e9 },
    ];
    const { probabilities } = await run(inside);
    inside.forEach((features, row) => assert.ok(Math.abs(probabilities[row]! - model.predictOne(features)) < 1e-5, JSON.stringify(features)));

    const outside = await run([{ ...flight, hour: 99, minute: 75, day_of_week: 8 }, { ...flight, hour: -3, minute: -1, day_of_week: 0, distance: -5 }]);
    const nearest = [{ ...flight, hour: 23, minute: 59, day_of_week: 7 }, { ...flight, hour: 0, minute: 0, day_of_week: 1, distance: 0 }];
    nearest.forEach((features, row) => assert.ok(Math.abs(outside.probabilities[row]! - model.predictOne(features)) < 1e-5));
  });

  it("has the fault that it is asked for, and no other", async () => {
    const faulty = await InferenceSession.create(writeDelayOnnx(model, { notANumberBelowMiles: 300 }));
    const flights = Array.from({ length: 2000 }, (_, row) => featuresOf(heldOut, row));
    const [sound, faults] = [await run(flights), await run(flights, faulty)];
    flights.forEach(({ distance }, row) => assert.equal(faults.probabilities[row]!, distance <= 300 ? NaN : sound.probabilities[row]!));
    assert.ok(flights.some(({ distance }) => distance <= 300) && flights.some(({ distance }) => distance > 300));
    await faulty.release();
  });

  it("learns nothing from labels that were joined one row off, of which there are as many as before", () => {
    const shifted = oneRowOff(heldOut);
    const sum = (late: Uint8Array): number => late.reduce((total, one) => total + one, 0);
    assert.equal(sum(shifted.late), sum(heldOut.late));
    const { auc } = scoresOf(model.predict(heldOut), shifted.late);
    assert.ok(auc > 0.45 && auc < 0.55, `AUC ${auc}`);
  });

  it("is written the same each time", () => {
    assert.deepEqual(writeDelayOnnx(model), writeDelayOnnx(model));
  });
});
