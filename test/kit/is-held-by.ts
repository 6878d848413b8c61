import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Whether something stays in memory as long as what `hold` makes of it does. */
export async function isHeldBy<Made extends WeakKey>(make: () => Made, hold: (made: Made) => unknown): Promise<boolean> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { weak, holder } = heldOnce(make, hold);
  // A weak reference that was made or read keeps its object until the end of its turn.
  await nextTurn();
  collect();
  return weak.deref() !== undefined && holder !== undefined;
}

function heldOnce<Made extends WeakKey>(make: () => Made, hold: (made: Made) => unknown): { weak: WeakRef<Made>; holder: unknown } {
  const made = make();
  return { weak: new WeakRef(made), holder: hold(made) };
}
