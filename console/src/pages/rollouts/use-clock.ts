import { useEffect, useState } from "react";
import { now } from "../../clock.ts";

/** The present time, which moves each second while something is under way. */
export function useClock(moves: boolean): number {
  const [time, setTime] = useState(now);
  useEffect(() => {
    setTime(now());
    if (!moves) return;
    const timer = setInterval(() => setTime(now()), 1000);
    return () => clearInterval(timer);
  }, [moves]);
  return time;
}
