export { openHttp, type HttpAnswer, type HttpQuestion } from './open-http.ts';
