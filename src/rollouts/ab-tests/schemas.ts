import { z } from "zod";
import { isSafeName, VersionNumber } from "../../core/names.ts";
import { KeyHashes, Rollout } from "../schemas.ts";

const Timestamp = z.number().int().nonnegative().meta({ description: "Milliseconds since 1970-01-01T00:00:00Z" });
const SafeName = z.string().refine(isSafeName, "letters, digits, dots, dashes and underscores");
const HeaderName = z.string().regex(/^[a-z0-9-]{1,100}$/, "the name of a header in small letters");

/** Name of the arm that the variants are compared with, in reports. */
export const controlName = "control";
/** Metrics that the server measures by itself; every other name is one whose values are reported for predictions. */
export const ownMetrics = ["accuracy", "error", "prediction", "latency"] as const;

const AbTestMetric = SafeName.meta({
  description: "`accuracy` or `error` (by truth, of each row), `prediction` (the predicted number of each row), `latency` (milliseconds of each request), or another name whose values are reported for prediction ids",
});

/** Of a test of a route: names of scores are their givers' own. */
const CallMetric = z.string().min(1).max(250);

export const NewAbTest = z
  .strictObject({
    variants: z.array(z.strictObject({ name: SafeName.refine((name) => name !== controlName && name !== "stable", "another name than control and stable"), version: VersionNumber, percent: z.number().gt(0).lt(100).optional() })).min(1).max(20)
      .meta({ description: "Versions beside the champion, which is the control. Those without a percentage and the control share the rest evenly." }),
    metric: AbTestMetric,
    direction: z.enum(["up", "down"]).meta({ description: "Which way is better" }),
    covariate: z.string().min(1).max(500).nullable().default(null).meta({ description: "Input tensor or column whose value of each row explains a part of the metric (CUPED)" }),
    effect: z.number().positive().nullable().default(null).meta({ description: "Smallest difference that is worth finding, in the metric's unit; null for none" }),
    alpha: z.number().gt(0).max(0.5).default(0.05).meta({ description: "Chance that any variant looks different that is not, over the whole test" }),
    keyHeader: HeaderName.default("slipway-key").meta({ description: "Header whose value keeps a caller with one variant" }),
    keyInput: z.string().max(500).nullable().default(null).meta({ description: "Input whose first value is the key where the header is not there" }),
    maxDays: z.number().gt(0).max(365).default(28).meta({ description: "It ends by itself then" }),
    maxFailures: z.number().int().min(1).max(1_000_000).default(10).meta({ description: "Failures of a variant on one server after which it loses its traffic" }),
    reason: z.string().max(1000).default(""),
  })
  .meta({ id: "NewAbTest" });
export type NewAbTest = z.infer<typeof NewAbTest>;

const AbTestVariant = z.object({
  name: z.string(), version: VersionNumber,
  from: z.number(), to: z.number().meta({ description: "Keys whose hash is in [from, to) are its own, as long as the test goes on" }),
  cut: z.object({ at: Timestamp, reason: z.string() }).nullable().meta({ description: "When and why it lost its traffic" }),
});

/** What was asked for, as it is kept with the route. */
export const AbTestSpec = NewAbTest.omit({ variants: true, reason: true }).extend({ variants: z.array(AbTestVariant), metric: CallMetric }).meta({ id: "AbTestSpec" });
export type AbTestSpec = z.infer<typeof AbTestSpec>;

/** One moment of the comparison, of each variant. */
export const AbTestLook = z.object({
  time: Timestamp,
  variants: z.array(z.object({ name: z.string(), n: z.number(), estimate: z.number(), low: z.number(), high: z.number(), pValue: z.number() })),
}).meta({ id: "AbTestLook" });
export type AbTestLook = z.infer<typeof AbTestLook>;

/** Field `test` of a rollout of kind `ab-test`. */
export const AbTestState = AbTestSpec.extend({ looks: z.array(AbTestLook) });
export type AbTestState = z.infer<typeof AbTestState>;

const Bivariate = z.object({ count: z.number(), meanX: z.number(), meanY: z.number(), m2X: z.number(), m2Y: z.number(), co: z.number() });

/** What one arm did on one server, or on all: every part can be added up. */
export const UnitFigures = z.object({
  arm: z.string(),
  requests: z.number().int(),
  failures: z.number().int(),
  /** Requests without a key. */
  drawn: z.number().int(),
  /** Of all observations: covariate and metric. */
  all: Bivariate,
  /** Of those that are a unit of their own: requests without a key, of one row. */
  single: Bivariate,
  /** Of the others, by hash of their key: bucket, observations, sum of the covariate, sum of the metric. */
  buckets: z.array(z.tuple([z.number().int(), z.number(), z.number(), z.number()])),
});
export type UnitFigures = z.infer<typeof UnitFigures>;

export const AbTestFigures = z.object({
  arms: z.array(UnitFigures),
  keys: KeyHashes,
});
export type AbTestFigures = z.infer<typeof AbTestFigures>;

export const AbTestOutcome = z.strictObject({ predictionId: z.string().min(1).max(64), metric: AbTestMetric, value: z.number() }).meta({ id: "AbTestOutcome" });
export type AbTestOutcome = z.infer<typeof AbTestOutcome>;
export type StoredOutcome = AbTestOutcome & { receivedAt: number };

const Bounds = z.object({ estimate: z.number(), low: z.number().nullable(), high: z.number().nullable(), pValue: z.number() });

export const AbTestComparison = z.object({
  variant: z.string(),
  conclusion: z.enum(["better", "worse", "undecided", "no data"]),
  detail: z.string().meta({ description: "In words" }),
  difference: Bounds.nullable().meta({ description: "Mean of the variant less that of the control; valid at every look, the p-value multiplied by the number of variants" }),
  unadjusted: Bounds.nullable().meta({ description: "Without the covariate, where one is named: `difference` is with it" }),
  covariate: z.object({ correlation: z.number(), saves: z.number().meta({ description: "Share of the variance, and so of the samples, that it saves" }) }).nullable(),
  needed: z.object({
    samples: z.number(), samplesSoFar: z.number(), daysLeft: z.number().nullable(), concludes: z.boolean().nullable(),
    advice: z.array(z.object({ action: z.string(), detail: z.string(), daysLeft: z.number().nullable() })),
  }).nullable().meta({ description: "Observations of control and variant together by which the effect is found in 4 of 5 tests" }),
});
export type AbTestComparison = z.infer<typeof AbTestComparison>;

export const AbTestReport = z
  .object({
    rollout: Rollout.omit({ plan: true, test: true }),
    spec: AbTestSpec,
    time: Timestamp,
    arms: z.array(z.object({
      name: z.string(), version: VersionNumber, share: z.number(), cut: AbTestVariant.shape.cut, requests: z.number(), failures: z.number(),
      n: z.number().meta({ description: "Values of the metric" }),
      units: z.number().meta({ description: "Independent values that they are worth" }),
      mean: z.number().nullable(), low: z.number().nullable(), high: z.number().nullable(),
    })),
    comparisons: z.array(AbTestComparison),
    keys: z.number().meta({ description: "Different keys, estimated where they are very many" }),
    sampleRatio: z.object({ pValue: z.number(), mismatch: z.boolean(), counted: z.array(z.object({ name: z.string(), expected: z.number(), observed: z.number() })) }).nullable(),
    looks: z.array(AbTestLook).meta({ description: "How the difference grew, oldest first" }),
    advice: z.array(z.string()),
  })
  .meta({ id: "AbTestReport" });
export type AbTestReport = z.infer<typeof AbTestReport>;

/** The part of the state that routes carry. */
export function specOf({ looks: _looks, ...spec }: AbTestState): AbTestSpec {
  return spec;
}

/** Of a rollout of kind `ab-test`. */
export function testOf(rollout: Pick<Rollout, "test">): AbTestState {
  return rollout.test as AbTestState;
}
