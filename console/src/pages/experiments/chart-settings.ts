import type { MetricAxis } from "../../charts/metric-line.ts";

export interface Zoom {
  from: number;
  to: number;
}

/** What the address says of charts: smoothing in [0, 0.99], the axes, and by key the steps that are zoomed to. */
export interface ChartSettings {
  axis: MetricAxis;
  smoothing: number;
  logarithmic: boolean;
  zooms: ReadonlyMap<string, Zoom>;
}

export function chartSettings(get: (name: string) => string | null): ChartSettings {
  const axis = get("axis");
  const smoothing = Number(get("smoothing") ?? 0);
  return {
    axis: axis === "wall" || axis === "relative" ? axis : "step",
    smoothing: smoothing > 0 ? Math.min(0.99, smoothing) : 0,
    logarithmic: get("scale") === "log",
    zooms: zoomsOf(get("zoom")),
  };
}

/** `loss:10:20,acc:5:9`, with keys escaped. */
export function zoomsOf(text: string | null): Map<string, Zoom> {
  const zooms = new Map<string, Zoom>();
  for (const part of (text ?? "").split(",")) {
    const match = /^(.*):(-?\d+):(-?\d+)$/.exec(part);
    if (match === null || Number(match[2]) > Number(match[3])) continue;
    try {
      zooms.set(decodeURIComponent(match[1]!), { from: Number(match[2]), to: Number(match[3]) });
    } catch {
      // Somebody cut the address: the rest of it holds.
    }
  }
  return zooms;
}

export function zoomText(zooms: ReadonlyMap<string, Zoom>): string {
  return [...zooms].map(([key, { from, to }]) => `${encodeURIComponent(key)}:${from}:${to}`).join(",");
}
