import { trackingKills } from "./tracking-kills.ts";

trackingKills("SQLite", Number(process.env["SLIPWAY_TEST_KILLS"] ?? 5), { create: () => Promise.resolve({}) });
