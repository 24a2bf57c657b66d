export { withLock } from './download-lock.ts';
export { fetchFolder } from './fetch-folder.ts';
export { fetchModel } from './fetch-model.ts';
export { PullObserver } from './pull-observer.ts';
export { progressNoteOf, withoutSecrets } from './try-sources.ts';
