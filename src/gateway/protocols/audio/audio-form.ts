import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PlinthError } from '../../../core/errors/index.ts';

/** A form with a file in it, as it came. */
export interface AudioForm {
  readonly audio: Uint8Array;
  /** Text fields by name, without a trailing `[]`; those that may come several times as arrays. */
  readonly fields: Readonly<Record<string, string | readonly string[]>>;
}

/** Largest audio file, as at OpenAI. */
const MOST_AUDIO_BYTES = 25 * 1024 * 1024;
const MOST_FIELDS = 32;
const LONGEST_FIELD_BYTES = 64 * 1024;
const FORM_BYTES = MOST_AUDIO_BYTES + MOST_FIELDS * LONGEST_FIELD_BYTES;
const LISTS = new Set(['timestamp_granularities', 'include']);

/** Makes an application take forms and nothing else. */
export function readFormsOnly(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.register(multipart, {
    limits: {
      fileSize: MOST_AUDIO_BYTES,
      files: 1,
      fields: MOST_FIELDS,
      fieldNameSize: 100,
      fieldSize: LONGEST_FIELD_BYTES,
      parts: MOST_FIELDS + 1,
    },
    throwFileSizeLimit: false,
  });
  scope.addContentTypeParser('*', (_request, _payload, done) => done(wrongType()));
}

/** Reads the form of a request. Throws `invalid_request` with `param`, `body_too_large`, `unsupported_media_type`. */
export async function readAudioForm(request: FastifyRequest): Promise<AudioForm> {
  if (!request.isMultipart()) throw wrongType();
  if (Number(request.headers['content-length'] ?? 0) > FORM_BYTES) throw tooLarge();
  const fields: Record<string, string | string[]> = {};
  let audio: Uint8Array | undefined;
  try {
    for await (const part of request.parts()) {
      if (part.type === 'field') {
        addField(fields, part.fieldname, part);
      } else {
        const bytes = await part.toBuffer();
        if (part.file.truncated) throw tooLarge();
        if (part.fieldname === 'file') audio = bytes;
      }
    }
  } catch (thrown) {
    throw refusalOf(thrown);
  }
  if (audio === undefined) throw invalidField('file', "Missing required parameter: 'file'; an audio file was expected.");
  if (audio.byteLength === 0) throw invalidField('file', "'file' is empty; an audio file was expected.");
  return { audio, fields };
}

function addField(
  fields: Record<string, string | string[]>,
  fieldName: string,
  { value, valueTruncated }: { readonly value: unknown; readonly valueTruncated: boolean },
): void {
  const name = fieldName.replace(/\[\d*\]$/, '');
  if (valueTruncated) throw invalidField(name, `'${name}' is longer than ${LONGEST_FIELD_BYTES} bytes.`);
  const text = String(value);
  if (!LISTS.has(name)) fields[name] = text;
  else fields[name] = [...(fields[name] ?? []), text];
}

export function invalidField(param: string, message: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message, param });
}

function tooLarge(): PlinthError {
  const message = `The file is larger than ${MOST_AUDIO_BYTES} bytes.`;
  return new PlinthError({ code: 'body_too_large', message, param: 'file' });
}

function wrongType(): PlinthError {
  const message = 'The content type must be multipart/form-data with a file in it.';
  return new PlinthError({ code: 'unsupported_media_type', message });
}

const BY_CODE: Readonly<Record<string, string>> = {
  FST_PARTS_LIMIT: `The form has more than ${MOST_FIELDS + 1} parts.`,
  FST_FILES_LIMIT: 'The form has more than one file.',
  FST_FIELDS_LIMIT: `The form has more than ${MOST_FIELDS} fields.`,
  FST_PROTO_VIOLATION: 'The form has a field of a forbidden name.',
};

function refusalOf(thrown: unknown): unknown {
  if (thrown instanceof PlinthError || !(thrown instanceof Error)) return thrown;
  const code = 'code' in thrown ? String(thrown.code) : '';
  if (code === 'ECONNRESET') return thrown;
  if (code === 'FST_REQ_FILE_TOO_LARGE') return tooLarge();
  const message = BY_CODE[code] ?? 'The form cannot be read: it is cut off or not formed as multipart/form-data.';
  return new PlinthError({ code: 'invalid_request', message }, { cause: thrown });
}
