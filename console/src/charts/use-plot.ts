import { useEffect, useRef, type RefObject } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

/**
 * A plot in an element, always as wide as that is. A new `shape` makes a new plot, for it stands for all that changes the drawing itself; new
 * values do not, and are set by the caller.
 */
export function usePlot({ options, data, shape, height }: {
  options: (view: { width: number; height: number }) => uPlot.Options; data: uPlot.AlignedData; shape: string; height: number;
}): { holder: RefObject<HTMLDivElement | null>; plot: RefObject<uPlot | null> } {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = holder.current!;
    const created = (plot.current = new uPlot(options({ width: element.clientWidth || 300, height }), data, element));
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) created.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
      plot.current = null;
    };
  }, [shape]);
  return { holder, plot };
}
