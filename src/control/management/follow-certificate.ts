import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { Server as TlsPort } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { PlinthError } from '../../core/errors/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';

const LOOK_EVERY_MS = 5_000;

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Throws `invalid_request` that names the file which cannot be read. */
export function readCertificate({ certFile, keyFile }: CertificateFiles): SecureContextOptions {
  return { cert: readPem(certFile, 'tls.certFile'), key: readPem(keyFile, 'tls.keyFile') };
}

/** Takes changed files into use for new connections; keeps the old ones while the new are not usable. Returns the way to stop. */
export function followCertificate(port: TlsPort, files: CertificateFiles, logger: Logger): () => void {
  const paths = [files.certFile, files.keyFile];
  const renew = () => {
    try {
      port.setSecureContext(readCertificate(files));
      logger.info('management port: certificate renewed');
    } catch (error) {
      logger.warn({ err: error }, 'management port: the changed certificate is not usable, the old one stays');
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
