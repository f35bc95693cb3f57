<?php

$settings = require __DIR__ . '/settings.php';
$key = $settings['rolled'] ? 'idp-new' : 'idp';
$claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';

$metadata['__DYNAMIC:1__'] = [
    'host' => '__DEFAULT__',
    'auth' => 'people',
    'privatekey' => "$key.key",
    'certificate' => "$key.crt",
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'authproc' => [1 => ['class' => 'core:AttributeLimit', "$claims/emailaddress", "$claims/name"]],
];
