/** Rings once after so many milliseconds, unless what it answers with is called before. Injected: tests say when time has passed. */
export type Alarm = (milliseconds: number, ring: () => void) => () => void;

export const systemAlarm: Alarm = (milliseconds, ring) => {
  const timer = setTimeout(ring, milliseconds);
  return () => clearTimeout(timer);
};
