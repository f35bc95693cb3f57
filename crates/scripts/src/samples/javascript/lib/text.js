'use strict';

// Helpers of main.js. Functions here cannot be called from outside.

exports.title = (name) =>
  name
    .split(/\s+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase())
    .join(' ');

exports.initials = (name) =>
  name
    .split(/\s+/)
    .map((word) => word.charAt(0).toUpperCase())
    .join('');
