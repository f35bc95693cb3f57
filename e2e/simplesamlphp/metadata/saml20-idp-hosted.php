<?php

$settings = require __DIR__ . '/settings.php';
$key = $settings['rolled'] ? 'idp-new' : 'idp';
$email = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';

$metadata['__DYNAMIC:1__'] = [
    'host' => '__DEFAULT__',
    'auth' => 'people',
    'privatekey' => "$key.key",
    'certificate' => "$key.crt",
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'saml20.sign.response' => $settings['signResponse'],
    'saml20.sign.assertion' => $settings['signAssertion'],
    'assertion.encryption' => $settings['encrypt'],
    'validate.authnrequest' => $settings['requireSignedRequests'],
    // every logout message is signed, and those of others must be
    'sign.logout' => true,
    'redirect.sign' => true,
    'validate.logout' => true,
    'SingleLogoutServiceBinding' => [
        'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
        'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
    ],
    'NameIDFormat' => [$email, 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
    'authproc' => [
        1 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail', 'Format' => $email],
        2 => [
            'class' => 'saml:AttributeNameID',
            'attribute' => 'mail',
            'Format' => 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
        ],
        3 => ['class' => 'saml:PersistentNameID', 'attribute' => 'uid'],
    ],
];
