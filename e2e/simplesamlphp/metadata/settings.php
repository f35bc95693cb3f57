<?php

// The current settings, read anew for each request.

return json_decode(file_get_contents(getenv('IDP_STATE') . '/settings.json'), true, 8, JSON_THROW_ON_ERROR);
