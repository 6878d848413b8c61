import type uPlot from "uplot";

const font = '11px -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

/** What the axes of all charts share. */
export function axisStyle(colors: Readonly<Record<string, string>>): uPlot.Axis {
  return { stroke: colors["--text-muted"]!, font, ticks: { show: false }, grid: { stroke: colors["--border"]!, width: 1 } };
}

/** As wide as its longest label. */
export function axisWidth(_plot: uPlot, labels: string[] | null): number {
  return 14 + 6.2 * Math.max(3, ...(labels ?? []).map((label) => label.length));
}

export function isDecade(value: number): boolean {
  return Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6;
}

/** A logarithmic axis has a line for each decade, and none between. */
export function decadesOnly(_plot: uPlot, splits: number[]): (number | null)[] {
  return splits.map((value) => (isDecade(value) ? value : null));
}

/** Tells what was dragged over, in values of the x axis, and takes the selection away; a click is none. */
export function onSelection(zoom: (from: number, to: number) => void): (plot: uPlot) => void {
  return (plot) => {
    const { left, width } = plot.select;
    if (width < 4) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    zoom(from, to);
  };
}
