export { follow, type Followed } from './follow.ts';
