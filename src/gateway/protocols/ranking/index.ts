export { registerRanking } from './register-ranking.ts';
