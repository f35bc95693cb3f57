<?php

$settings = require __DIR__ . '/settings.php';

$metadata[$settings['wsfedRealm']] = [
    'prp' => $settings['wsfedReply'],
    'simplesaml.nameidattribute' => 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress',
];
