import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { Server as TlsPort } from 'node:https';
import { createSecureContext } from 'node:tls';
import { PlinthError } from '../../core/errors/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';

const LOOK_EVERY_MS = 1_000;

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Throws `invalid_request` that names the files which cannot be read or do not belong together. */
export function readCertificate({ certFile, keyFile }: CertificateFiles): Certificate {
  const certificate = { cert: readPem(certFile, 'tls.certFile'), key: readPem(keyFile, 'tls.keyFile') };
  try {
    createSecureContext(certificate);
  } catch (cause) {
    const message = `tls.certFile '${certFile}' and tls.keyFile '${keyFile}' are no certificate and its key.`;
    throw new PlinthError({ code: 'invalid_request', message, param: 'tls.certFile' }, { cause });
  }
  return certificate;
}

/** Takes changed files into use for new connections; keeps the old ones while the new are not usable. Returns the way to stop. */
export function followCertificate(port: TlsPort, files: CertificateFiles, logger: Logger): () => void {
  const paths = [files.certFile, files.keyFile];
  const renew = () => {
    try {
      port.setSecureContext(readCertificate(files));
      logger.info('management port: certificate renewed');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn({ reason }, 'management port: the changed certificate is not usable, the old one stays');
    }
  };
  for (const path of paths) watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, renew);
  return () => paths.forEach((path) => unwatchFile(path, renew));
}

function readPem(path: string, param: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new PlinthError({ code: 'invalid_request', message: `${param} '${path}' cannot be read.`, param }, { cause });
  }
}
