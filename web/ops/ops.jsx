import '../shared/api.js';
