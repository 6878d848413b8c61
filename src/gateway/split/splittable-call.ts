import type { HttpAnswer } from "../../core/route.ts";
import type { CallContext } from "../calls/call-context.ts";
import type { OpenedFloor } from "../calls/call-floor.ts";
import type { CallBounds } from "../calls/call-ledger.ts";
import type { CallRecord } from "../calls/call-record.ts";
import type { RouteSettings } from "../schemas.ts";

/** One way in which a call is carried out: with which settings, and what of its course is another's. */
export interface CallWay {
  /** Its route has the settings and the revision that count. */
  entered: OpenedFloor;
  record: CallRecord;
  context: CallContext;
  /** Instead of the floor's: takes its place in limits and budgets. */
  admit?(bounds: CallBounds): Promise<void>;
  /** Nothing of a streamed answer is given before its first content is there; what breaks it off until then is thrown. */
  holdsBack: boolean;
}

/** A call that can be carried out with any settings. */
export interface SplittableCall {
  /** Given by the server: calls without a key are shared out by it. */
  id: string;
  entered: OpenedFloor;
  context: CallContext;
  /** Calls of one session stay with one arm; null for none. */
  session: string | null;
  isStream: boolean;
  record(entered: OpenedFloor): CallRecord;
  /** What it may use at most; `held`: a budget holds it. */
  bounds(settings: RouteSettings, held: boolean): CallBounds;
  /** Ends the record, however it goes. */
  carryOut(way: CallWay): Promise<HttpAnswer>;
}
