export { chooseCurl } from './choose-curl.ts';
export { choosePrivateConfig } from './choose-private-config.ts';
export { formatBanner } from './format-banner.ts';
export { reportStart } from './report-start.ts';
export { openRooms, type Rooms } from './rooms.ts';
export { Shutdown } from './shutdown.ts';
