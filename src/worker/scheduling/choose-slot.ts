export interface SlotView {
  readonly isFree: boolean;
  /** The slot holds the state of the first `heldLength` of these. */
  readonly held: readonly number[];
  readonly heldLength: number;
  /** Larger is more recent. */
  readonly usedAt: number;
}

export interface SlotChoice {
  readonly slot: number;
  /** Leading tokens of the prompt that need no computing. */
  readonly reused: number;
  /** Where they are copied from; absent when `slot` itself holds them. */
  readonly copiedFrom?: number;
}

/**
 * The free slot for a prompt. A slot keeps its place when the prompt goes on with most of what it holds; a shorter common beginning
 * is copied, so that the conversation it came from stays cached. The last prompt token is always computed, for its logits.
 */
export function chooseSlot(slots: readonly SlotView[], prompt: readonly number[]): SlotChoice | undefined {
  let best = { slot: -1, length: 0 };
  let oldest = -1;
  slots.forEach((view, slot) => {
    const length = Math.min(commonPrefixLength(view.held, prompt), view.heldLength, prompt.length - 1);
    if (length > best.length) best = { slot, length };
    if (view.isFree && (oldest === -1 || isBetterSeat(view, slots[oldest]))) oldest = slot;
  });
  if (oldest === -1) return undefined;
  const source = slots[best.slot];
  if (source === undefined) return { slot: oldest, reused: 0 };
  const keepsPlace = source.isFree && (best.length * 2 >= source.heldLength || oldest === best.slot);
  if (keepsPlace) return { slot: best.slot, reused: best.length };
  return { slot: oldest, reused: best.length, copiedFrom: best.slot };
}

function isBetterSeat(view: SlotView, other: SlotView | undefined): boolean {
  if (other === undefined) return true;
  if ((view.heldLength === 0) !== (other.heldLength === 0)) return view.heldLength === 0;
  return view.usedAt < other.usedAt;
}

function commonPrefixLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let i = 0;
  while (i < end && a[i] === b[i]) i++;
  return i;
}
