import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { BaseRate, OriginHourRate } from "./baselines.ts";
import { featuresOf, periods, readFlights, type FlightTable } from "./dataset.ts";
import { DelayModel } from "./delay-model.ts";
import { calibrate, fitDelayModel } from "./fit-delay-model.ts";
import { scoresOf } from "./scores.ts";

describe("the delay model", () => {
  let training: FlightTable;
  let validation: FlightTable;
  let heldOut: FlightTable;
  let model: DelayModel;

  before(async () => {
    training = await readFlights(periods.training, { every: 10 });
    validation = await readFlights(periods.validation, { every: 10 });
    heldOut = await readFlights(periods.heldOut, { every: 20 });
    model = fitDelayModel(training);
    calibrate(model, validation);
  });

  it("beats both baselines on later flights, also when it learns from a tenth of the data", () => {
    const scores = scoresOf(model.predict(heldOut), heldOut.late);
    const base = scoresOf(new BaseRate(training).predict(heldOut), heldOut.late);
    const originHour = scoresOf(new OriginHourRate(training).predict(heldOut), heldOut.late);
    assert.equal(base.auc, 0.5);
    assert.ok(scores.auc > originHour.auc + 0.05, `AUC ${scores.auc} against ${originHour.auc}`);
    assert.ok(scores.brier < originHour.brier - 0.005 && originHour.brier < base.brier, `Brier ${scores.brier}, ${originHour.brier}, ${base.brier}`);
    assert.ok(scores.logLoss < originHour.logLoss - 0.02 && originHour.logLoss < base.logLoss);
  });

  it("is calibrated on the flights that it was calibrated with", () => {
    const { meanPrediction, lateShare } = scoresOf(model.predict(validation), validation.late);
    assert.ok(Math.abs(meanPrediction - lateShare) < 1e-4, `${meanPrediction} is ${lateShare}`);
  });

  it("comes out the same for the same seed, and otherwise for another", () => {
    const weights = (seed: number): Float32Array => fitDelayModel(heldOut, { seed, epochs: 1 }).weights;
    assert.deepEqual(weights(1), weights(1));
    assert.notDeepEqual(weights(1), weights(2));
  });

  it("predicts one flight as it predicts a table of them", () => {
    const probabilities = model.predict(heldOut);
    for (let row = 0; row < heldOut.rows; row += 97) {
      assert.ok(Math.abs(model.predictOne(featuresOf(heldOut, row)) - probabilities[row]!) < 1e-12);
    }
  });

  it("judges a flight of unknown airports by what else is known of it", () => {
    const known = featuresOf(heldOut, 0);
    const early = model.predictOne({ ...known, origin: "XXX", destination: "YYY", hour: 6, minute: 0 });
    const night = model.predictOne({ ...known, origin: "XXX", destination: "YYY", hour: 22, minute: 50 });
    assert.ok(early > 0 && early < night && night < 1, `${early} and ${night}`);
  });

  it("learns nothing of airports that only later flights use", () => {
    const all = new DelayModel(heldOut.airports, new Int32Array((heldOut.airports.length + 1) ** 2));
    assert.ok(model.airports.length < all.airports.length);
    const used = new Set(Array.from(training.origin).concat(Array.from(training.destination), []).map((code) => training.airports[code]));
    assert.deepEqual(new Set(model.airports), used);
  });
});
