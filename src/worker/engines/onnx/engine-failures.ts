import { basename } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import { OnnxFailure } from '../onnx-library/index.ts';

/** OrtErrorCode: the engine found fault with what it was given. */
const INVALID_ARGUMENT = 2;
const LONGEST_MESSAGE = 400;
/** Places in the library's own source, and the function found there. */
const SOURCE_PLACE = /\S*\/\S+\.(?:cc|h|cpp|cu):\d+ (?:\S.*?\) )?/g;

/** A failed run, as its caller sees it. Anything that the library did not say is passed on. */
export function runFailure(thrown: unknown): unknown {
  if (!(thrown instanceof OnnxFailure)) return thrown;
  const code = thrown.code === INVALID_ARGUMENT ? 'invalid_request' : 'engine_failed';
  return new PlinthError({ code, message: `The model could not compute this: ${tidy(thrown.message)}` }, { cause: thrown });
}

/** A file that the engine would not load. */
export function loadFailure(thrown: unknown, filePath: string): unknown {
  if (!(thrown instanceof OnnxFailure)) return thrown;
  const name = basename(filePath);
  const reason = tidy(thrown.message.replaceAll(filePath, name));
  const message = `ONNX Runtime cannot load the file ${name}: ${reason}`;
  return new PlinthError({ code: 'invalid_model_file', message }, { cause: thrown });
}

/** An execution provider that is not to be had. */
export function providerFailure(thrown: unknown, { wanted, available }: { wanted: string; available: string }): unknown {
  if (!(thrown instanceof OnnxFailure)) return thrown;
  const message =
    `The execution provider '${wanted}' cannot be used on this machine: ${tidy(thrown.message)} ` +
    `This build of ONNX Runtime was made with ${available}; all but cpu also need their own libraries and a device.`;
  return new PlinthError({ code: 'engine_failed', message }, { cause: thrown });
}

function tidy(message: string): string {
  const text = message.replace(SOURCE_PLACE, '').replaceAll(/\s+/g, ' ').trim();
  const cut = text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
  return /[.!?…]$/.test(cut) ? cut : `${cut}.`;
}
