import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import { compileWireSchema, readJsonOnly } from '../http/index.ts';

/** A picture and what is wanted of it, from whichever form of body. */
export interface PictureBody {
  readonly model: string;
  readonly image: Uint8Array;
  readonly topK?: number;
  readonly threshold?: number;
}

/** Largest picture file. */
export const MOST_PICTURE_BYTES = 25 * 1024 * 1024;
const LONGEST_FIELD_BYTES = 1024;
const MOST_FIELDS = 16;

const fieldsSchema = z.looseObject({
  model: z.string().min(1),
  image: z.string().min(1),
  top_k: z.int().min(1).max(10_000).nullish(),
  threshold: z.number().min(0).max(1).nullish(),
});
const checkFields: (body: unknown) => z.infer<typeof fieldsSchema> = compileWireSchema(fieldsSchema);

/** JSON with a data URL or base64, and multipart forms with a file. */
export function readPictureBodies(scope: FastifyInstance, bodyDepth: number): void {
  readJsonOnly(scope, bodyDepth);
  scope.register(multipart, {
    limits: {
      fileSize: MOST_PICTURE_BYTES,
      files: 1,
      fields: MOST_FIELDS,
      fieldSize: LONGEST_FIELD_BYTES,
      parts: MOST_FIELDS + 1,
    },
    throwFileSizeLimit: false,
  });
}

/** Throws `invalid_request` with `param`, `body_too_large`. */
export async function readPictureBody(request: FastifyRequest): Promise<PictureBody> {
  if (request.isMultipart()) return readForm(request);
  if (request.body === undefined)
    throw new PlinthError({
      code: 'invalid_json',
      message: 'The body is empty; a JSON object or a multipart form was expected.',
    });
  const fields = checkFields(request.body);
  return wanted(fields, readEncoded(fields.image));
}

async function readForm(request: FastifyRequest): Promise<PictureBody> {
  const fields: Record<string, unknown> = {};
  let image: Uint8Array | undefined;
  try {
    for await (const part of request.parts()) {
      if (part.type === 'field') fields[part.fieldname] = readField(part.fieldname, part.value);
      else if (part.fieldname !== 'image' && part.fieldname !== 'file') part.file.resume();
      else {
        image = await part.toBuffer();
        if (part.file.truncated) throw tooLarge();
      }
    }
  } catch (error) {
    throw asRefusal(error);
  }
  if (image === undefined || image.byteLength === 0)
    throw new PlinthError({
      code: 'invalid_request',
      message: "The form has no picture; expected a file in the field 'image'.",
      param: 'image',
    });
  return wanted(checkFields({ ...fields, image: 'a file' }), image);
}

function readField(name: string, value: unknown): unknown {
  return name === 'top_k' || name === 'threshold' ? Number(value) : value;
}

function wanted({ model, top_k: topK, threshold }: z.infer<typeof fieldsSchema>, image: Uint8Array): PictureBody {
  return { model, image, ...(typeof topK === 'number' ? { topK } : {}), ...(typeof threshold === 'number' ? { threshold } : {}) };
}

function readEncoded(image: string): Uint8Array {
  if (/^https?:/i.test(image)) {
    const message = "Addresses are not fetched. Send the picture itself: a data URL or base64 in 'image', or a multipart form.";
    throw new PlinthError({ code: 'invalid_request', message, param: 'image' });
  }
  const text = /^data:[^,]{0,200};base64,/i.exec(image);
  const encoded = text === null ? image : image.slice(text[0].length);
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.byteLength === 0 || !/^[A-Za-z0-9+/_-]{1,64}/.test(encoded))
    throw new PlinthError({
      code: 'invalid_request',
      message: "'image' must be a data URL or base64 of a picture file.",
      param: 'image',
    });
  if (bytes.byteLength > MOST_PICTURE_BYTES) throw tooLarge();
  return bytes;
}

function tooLarge(): PlinthError {
  return new PlinthError({
    code: 'body_too_large',
    message: `The picture is larger than ${MOST_PICTURE_BYTES} bytes.`,
    param: 'image',
  });
}

function asRefusal(error: unknown): unknown {
  if (error instanceof PlinthError || !(error instanceof Error)) return error;
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (status === 413) return tooLarge();
  return new PlinthError({ code: 'invalid_request', message: `The form cannot be read: ${error.message}.` }, { cause: error });
}
