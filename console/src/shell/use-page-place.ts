import { useEffect, useRef } from "react";
import { useSearch } from "wouter";
import { usePathname } from "wouter/use-browser-location";
import { leftPlaces } from "../data/left-places.ts";

/** What is asked for may not be here yet, and the page not as long as it was; after so long the reader has begun to read. */
const patienceMs = 3000;

let isComingBack = false;

/** The next page is one that the reader comes back to. */
export function comeBack(): void {
  isComingBack = true;
}

/** A new page begins at its top; one that the reader comes back to, by the browser's Back or a link back, where it was left. */
export function usePagePlace(): void {
  const path = usePathname();
  const search = useSearch();
  const drawn = useRef(path);

  useEffect(() => {
    window.addEventListener("popstate", comeBack);
    return () => window.removeEventListener("popstate", comeBack);
  }, []);

  useEffect(() => {
    const cameBack = isComingBack;
    isComingBack = false;
    const scroll = cameBack ? (leftPlaces.find(path, search)?.scroll ?? 0) : 0;
    const isNew = drawn.current !== path;
    drawn.current = path;
    // A dialog that is open belongs to the visit and not to the page.
    const remember = (): void => {
      if (document.querySelector("dialog[open]") === null) leftPlaces.remember(path, search, window.scrollY);
    };
    window.addEventListener("scroll", remember, { passive: true });
    const stop = isNew ? scrollTo(scroll) : () => undefined;
    if (!isNew || scroll === 0) remember();
    return () => {
      window.removeEventListener("scroll", remember);
      stop();
    };
  }, [path, search]);
}

/** Scrolls there as soon as the page is long enough, unless the reader moves first. Answers with what ends it. */
function scrollTo(top: number): () => void {
  window.scrollTo(0, top);
  if (window.scrollY >= top - 1) return () => undefined;
  const growth = new ResizeObserver(() => {
    window.scrollTo(0, top);
    if (window.scrollY >= top - 1) stop();
  });
  const stop = (): void => {
    growth.disconnect();
    clearTimeout(timer);
    for (const event of moves) window.removeEventListener(event, stop);
  };
  const moves = ["wheel", "touchmove", "keydown", "pointerdown"] as const;
  const timer = setTimeout(stop, patienceMs);
  for (const event of moves) window.addEventListener(event, stop, { passive: true });
  growth.observe(document.documentElement);
  growth.observe(document.body);
  return stop;
}
