import { useLayoutEffect, useRef, useState, type RefObject } from "react";

export interface Viewport {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** What of a scrolled element is in view; renders at most once for each frame. */
export function useViewport<Element extends HTMLElement>(): { element: RefObject<Element | null>; viewport: Viewport } {
  const element = useRef<Element>(null);
  const [viewport, setViewport] = useState<Viewport>({ left: 0, top: 0, width: 1200, height: 600 });
  useLayoutEffect(() => {
    const current = element.current;
    if (current === null) return;
    let frame = 0;
    const measure = (): void => {
      frame = 0;
      const next = { left: current.scrollLeft, top: current.scrollTop, width: current.clientWidth, height: current.clientHeight };
      setViewport((before) => (Object.entries(next).every(([name, value]) => before[name as keyof Viewport] === value) ? before : next));
    };
    const soon = (): void => {
      if (frame === 0) frame = requestAnimationFrame(measure);
    };
    measure();
    current.addEventListener("scroll", soon, { passive: true });
    const observer = new ResizeObserver(soon);
    observer.observe(current);
    return () => {
      cancelAnimationFrame(frame);
      current.removeEventListener("scroll", soon);
      observer.disconnect();
    };
  }, []);
  return { element, viewport };
}
