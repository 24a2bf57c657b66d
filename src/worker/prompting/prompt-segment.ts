/** A piece of a prompt. Tokenise with special tokens recognised only where `parsesSpecial` is `yes`. */
export interface PromptSegment {
  readonly text: string;
  readonly parsesSpecial: 'yes' | 'no';
}
