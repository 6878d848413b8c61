import { trackingKills } from "./tracking-kills.ts";

trackingKills("SQLite", Number(process.env["SLIPWAY_TEST_KILLS"] ?? 4), { create: () => Promise.resolve({}) });
